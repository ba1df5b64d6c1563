// Categories and products with a key, id or name.
//
// The column hit is what matched: the key, the id, the name (upper and lower case alike), or a part of the name only.
//
// $word    what to look for
// $source  of this source only (optional)
// $limit   rows at most (optional)
//
// :param word => 'jam'
// :param source => null
// :param limit => 20
MATCH (n:Newaisle)
WHERE (n:Category OR n:Product) AND ($source IS NULL OR n.source = $source)
WITH n, CASE
  WHEN n.key = $word THEN 'key'
  WHEN toString(n.id) = toString($word) THEN 'id'
  WHEN toLower(n.name) = toLower(toString($word)) THEN 'name'
  WHEN toLower(n.name) CONTAINS toLower(toString($word)) THEN 'part of the name'
END AS hit
WHERE hit IS NOT NULL
OPTIONAL MATCH (n)-[:CHILD_OF|IN_CATEGORY]->(parent:Newaisle:Category)
WITH n, hit, parent ORDER BY parent.name
WITH n, hit, collect(parent.name) AS parents
RETURN n.key AS key, n.name AS name, n.state AS state, parents, hit
ORDER BY CASE hit WHEN 'key' THEN 0 WHEN 'id' THEN 1 WHEN 'name' THEN 2 ELSE 3 END, size(name), key
LIMIT $limit;
