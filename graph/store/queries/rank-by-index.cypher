// Recommendations for a user vector from the vector index, for stores that have one.
//
// store.index_vectors(dimensions) creates the index. It returns five times as many as wanted, as the lengths of
// embeddings crowd one pole, and counts all sources and states: where few of many are wanted, rank-by-vector is better.
//
// A model writes: embedding; push one with model.push(store) or newaisle refresh --model.
//
// $vector  the user's vector, from model.user_vector(user)
// $state   new, seen, or null for both (optional)
// $source  of this source only (optional)
// $limit   rows at most (optional)
//
// :param vector => [1.0, 0.0]
// :param state => null
// :param source => null
// :param limit => 20
CALL db.index.vector.queryNodes('newaisle_embedding', 5 * toInteger($limit), $vector) YIELD node AS n, score
WHERE ($state IS NULL OR n.state = $state) AND ($source IS NULL OR n.source = $source)
RETURN n.key AS key, n.name AS name, n.state AS state, score AS similarity, n.confidence AS confidence
ORDER BY similarity DESC, key LIMIT toInteger($limit);
