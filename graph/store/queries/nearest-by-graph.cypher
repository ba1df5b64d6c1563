// What shares the most informative attributes with a category or product, by the graph alone.
//
// score is the sum of ln((n + 1) / carriers) over the shared attributes and the wider values above them, with n the
// categories and products of the source: one rare attribute counts more than several that everything has. Among equals,
// those with the fewest steps over a common ancestor come first. why-near explains one row.
//
// $key    the key of the category or product
// $limit  rows at most (optional)
//
// :param key => 'tables:jam'
// :param limit => 10
MATCH up = (n:Newaisle {key: $key})-[:IN_CATEGORY|CHILD_OF*0..]->(above:Newaisle)
WITH n, above.key AS top, min(length(up)) AS up
WITH n, collect({key: top, up: up}) AS line
MATCH (any:Newaisle {source: n.source}) WHERE any:Category OR any:Product
WITH n, line, count(any) AS everything
MATCH (n)-[:HAS_ATTRIBUTE]->(:Newaisle:Attribute)-[:CHILD_OF*0..]->(a:Newaisle:Attribute)
WITH DISTINCT n, line, everything, a
MATCH (a)<-[:CHILD_OF*0..]-(:Newaisle:Attribute)<-[:HAS_ATTRIBUTE]-(carrier:Newaisle)
WITH n, line, everything, a, collect(DISTINCT carrier) AS carriers
WITH n, line, a, carriers, log((everything + 1.0) / size(carriers)) AS information ORDER BY information DESC, a.key
UNWIND carriers AS other
WITH n, line, a, information, other WHERE other.key <> n.key
WITH line, other, sum(information) AS score, collect(a.value) AS shared
MATCH down = (other)-[:IN_CATEGORY|CHILD_OF*0..]->(above:Newaisle)
UNWIND line AS common
WITH other, score, shared, min(CASE above.key WHEN common.key THEN common.up + length(down) END) AS steps
RETURN other.key AS key, other.name AS name, other.state AS state, score, steps, shared
ORDER BY score DESC, coalesce(steps, 1000), key LIMIT $limit;
