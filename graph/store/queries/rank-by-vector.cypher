// Recommendations for a user vector by a scan, in the order of the model.
//
// similarity is vector.similarity.cosine of the stored embedding and the vector (Neo4j moves it to 0 to 1). All
// embeddings are compared.
//
// A model writes: embedding; push one with model.push(store) or newaisle refresh --model.
//
// $vector  the user's vector, from model.user_vector(user)
// $state   new, seen, or null for both (optional)
// $source  of this source only (optional)
// $limit   rows at most (optional)
//
// :param vector => [1.0, 0.0]
// :param state => 'new'
// :param source => null
// :param limit => 20
MATCH (n:Newaisle)
WHERE n.embedding IS NOT NULL AND size(n.embedding) = size($vector)
  AND ($state IS NULL OR n.state = $state) AND ($source IS NULL OR n.source = $source)
WITH n, vector.similarity.cosine(n.embedding, $vector) AS similarity
RETURN n.key AS key, n.name AS name, n.state AS state, similarity, n.confidence AS confidence
ORDER BY similarity DESC, key LIMIT $limit;
