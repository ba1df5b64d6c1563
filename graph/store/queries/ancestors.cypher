// All paths from a category or product up to a root.
//
// There is more than one where something on the way has several parents, and none where it has no parent at all.
//
// $key  the key of the category or product
//
// :param key => 'tables:jam'
MATCH path = (n:Newaisle {key: $key})-[:IN_CATEGORY|CHILD_OF*1..]->(top:Newaisle:Category)
WHERE NOT (top)-[:CHILD_OF]->(:Newaisle:Category)
WITH reverse(nodes(path)) AS way, length(path) AS steps
RETURN reduce(names = head(way).name, n IN tail(way) | names + ' > ' + n.name) AS path, steps
ORDER BY steps, path;
