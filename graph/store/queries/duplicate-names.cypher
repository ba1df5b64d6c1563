// Categories and products of one source that share a name, upper and lower case alike.
//
// Those with the same text too come first: the text encoder cannot distinguish them.
//
// $source  of this source only (optional)
// $key     only the namesakes of this category or product (optional)
// $limit   rows at most (optional)
//
// :param source => null
// :param key => null
// :param limit => 20
MATCH (n:Newaisle)
WHERE (n:Category OR n:Product) AND ($source IS NULL OR n.source = $source)
WITH n ORDER BY n.key
WITH n.source AS source, toLower(n.name) AS lower, collect(n) AS alike
WHERE size(alike) > 1 AND ($key IS NULL OR any(n IN alike WHERE n.key = $key))
UNWIND alike AS n
WITH source, lower, alike, count(DISTINCT n.text) AS texts
RETURN source, head(alike).name AS name, size(alike) AS copies, texts < size(alike) AS same_text,
       [n IN alike | n.key] AS keys
ORDER BY same_text DESC, copies DESC, name, source LIMIT $limit;
