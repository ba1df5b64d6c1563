// The graph in numbers: nodes, states, relations, depth, for every source.
//
// $source  of this source only (optional)
//
// :param source => null
MATCH (n:Newaisle) WHERE NOT n:Refresh AND ($source IS NULL OR n.source = $source)
WITH n.source AS source,
     CASE WHEN n:Category THEN 'categories' WHEN n:Product THEN 'products' ELSE 'attributes' END
     + coalesce(', ' + n.state, '') AS what, count(*) AS value
RETURN source, what, value ORDER BY source, what
UNION ALL
MATCH (a:Newaisle)-[r]->(b:Newaisle) WHERE $source IS NULL OR a.source = $source
WITH a.source AS source, type(r) + CASE WHEN a:Attribute THEN ' (attributes)' ELSE '' END AS what, count(*) AS value
RETURN source, what, value ORDER BY source, what
UNION ALL
MATCH (n:Newaisle:Category) WHERE $source IS NULL OR n.source = $source
WITH n.source AS source, 'deepest level' AS what, max(n.level) AS value
RETURN source, what, value ORDER BY source
UNION ALL
MATCH (n:Newaisle:Category) WHERE ($source IS NULL OR n.source = $source) AND NOT (n)-[:CHILD_OF]->(:Newaisle:Category)
WITH n.source AS source, 'roots' AS what, count(n) AS value
RETURN source, what, value ORDER BY source;
