// Targets with few or no relations: without attributes, or without a place in the taxonomy.
//
// Those that lack both come first: nothing but their text can carry a recommendation. A category without a parent but
// with others below it is a root and has its place.
//
// $source  of this source only (optional)
// $limit   rows at most (optional)
//
// :param source => null
// :param limit => 20
MATCH (n:Newaisle)
WHERE (n:Category OR n:Product) AND n.state <> 'group' AND ($source IS NULL OR n.source = $source)
OPTIONAL MATCH (n)-[:HAS_ATTRIBUTE]->(a:Newaisle:Attribute)
WITH n, count(a) AS attributes
OPTIONAL MATCH (n)-[:CHILD_OF|IN_CATEGORY]-(near:Newaisle:Category)
WITH n, attributes, count(near) AS places
WHERE attributes = 0 OR places = 0
RETURN n.key AS key, n.name AS name, n.state AS state,
       CASE WHEN places > 0 THEN 'attributes' WHEN attributes > 0 THEN 'place' ELSE 'attributes and place' END AS missing
ORDER BY attributes + places, places, key LIMIT $limit;
