// Targets whose embedding moved most in the last refresh.
//
// shift is 1 - cosine of the embedding before and after: 0 where it kept its direction, 2 at most.
//
// A model writes: embedding_shift; refresh-changes lists what the last refresh changed in the graph.
//
// $source  of this source only (optional)
// $limit   rows at most (optional)
//
// :param source => null
// :param limit => 20
MATCH (h:Newaisle:Refresh) WHERE $source IS NULL OR h.source = $source
MATCH (n:Newaisle {source: h.source})
WHERE n.embedding_run_id = h.run_id AND n.embedding_shift IS NOT NULL
RETURN n.key AS key, n.name AS name, n.state AS state, n.embedding_shift AS shift, n.confidence AS confidence,
       n.run_id = h.run_id AS changed
ORDER BY shift DESC, key LIMIT $limit;
