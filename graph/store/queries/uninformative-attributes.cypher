// Attributes too common or too rare to distinguish targets.
//
// An attribute of nearly all distinguishes nothing; one of a single target relates it to nothing. carriers counts the
// categories and products that have the attribute or a narrower value of it, share is their part of the source,
// information is ln((n + 1) / carriers), the weight that the model gives it.
//
// $source  of this source only (optional)
// $common  a larger share than this is too common (optional)
// $rare    at most so many carriers are too few (optional)
// $limit   rows at most of each kind (optional)
//
// :param source => null
// :param common => 0.2
// :param rare => 1
// :param limit => 10
MATCH (any:Newaisle) WHERE (any:Category OR any:Product) AND ($source IS NULL OR any.source = $source)
WITH any.source AS source, count(any) AS everything
MATCH (a:Newaisle:Attribute {source: source})<-[:CHILD_OF*0..]-(:Newaisle:Attribute)<-[:HAS_ATTRIBUTE]-(n:Newaisle)
WITH source, everything, a, count(DISTINCT n) AS carriers
WITH source, a, carriers, 1.0 * carriers / everything AS share, log((everything + 1.0) / carriers) AS information
WHERE share > $common
RETURN 'too common' AS verdict, source, a.name AS attribute, a.value AS value, carriers, share, information
ORDER BY share DESC, attribute, value LIMIT $limit
UNION ALL
MATCH (any:Newaisle) WHERE (any:Category OR any:Product) AND ($source IS NULL OR any.source = $source)
WITH any.source AS source, count(any) AS everything
MATCH (a:Newaisle:Attribute {source: source})<-[:CHILD_OF*0..]-(:Newaisle:Attribute)<-[:HAS_ATTRIBUTE]-(n:Newaisle)
WITH source, everything, a, count(DISTINCT n) AS carriers
WITH source, a, carriers, 1.0 * carriers / everything AS share, log((everything + 1.0) / carriers) AS information
WHERE carriers <= $rare AND share <= $common
RETURN 'too rare' AS verdict, source, a.name AS attribute, a.value AS value, carriers, share, information
ORDER BY carriers, attribute, value LIMIT $limit;
