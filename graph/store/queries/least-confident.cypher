// New targets with the least confidence, and how few relations they have.
//
// A model writes: confidence; orphans lists the targets with the fewest relations.
//
// $source  of this source only (optional)
// $limit   rows at most (optional)
//
// :param source => null
// :param limit => 20
MATCH (n:Newaisle)
WHERE n.state = 'new' AND n.confidence IS NOT NULL AND ($source IS NULL OR n.source = $source)
WITH n ORDER BY n.confidence, n.key LIMIT $limit
OPTIONAL MATCH (n)-[:HAS_ATTRIBUTE]->(a:Newaisle:Attribute)
WITH n, count(a) AS attributes
OPTIONAL MATCH (n)-[:CHILD_OF|IN_CATEGORY]->(parent:Newaisle:Category)
WITH n, attributes, count(parent) AS parents
RETURN n.key AS key, n.name AS name, n.confidence AS confidence, attributes, parents, n.text = n.name AS name_only
ORDER BY confidence, key;
