// The seen targets most similar to a target in the model, and what they share with it.
//
// A model writes: SIMILAR_TO; nearest-by-graph uses the graph alone.
//
// $key    the key of the category or product
// $limit  rows at most (optional)
//
// :param key => 'tables:jam'
// :param limit => 10
MATCH (n:Newaisle {key: $key})-[near:SIMILAR_TO]->(seen:Newaisle)
WHERE seen.state = 'seen'
OPTIONAL MATCH (n)-[:HAS_ATTRIBUTE]->(a:Newaisle:Attribute)<-[:HAS_ATTRIBUTE]-(seen)
WITH near, seen, a ORDER BY a.key
WITH near, seen, collect(a.value) AS shared
RETURN near.rank AS rank, seen.key AS key, seen.name AS name, near.score AS score, shared
ORDER BY rank, score DESC, key LIMIT $limit;
