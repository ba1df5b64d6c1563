// What the last refresh of every source added or changed.
//
// One row for each source has the counts of its refresh, the others name the nodes with its run_id. Removed
// nodes are gone, edges carry no run, nor does what only moved within its level: these are in the counts alone.
//
// $source  of this source only (optional)
// $limit   nodes at most (optional)
//
// :param source => null
// :param limit => 50
MATCH (h:Newaisle:Refresh) WHERE h.key = h.source + '#head' AND ($source IS NULL OR h.source = $source)
RETURN h.source AS source, 'refresh ' + h.state AS what, h.run_id AS key,
       'added ' + toString(coalesce(h.added, 0)) + ', changed ' + toString(coalesce(h.changed, 0))
       + ', moved ' + toString(coalesce(h.moved, 0)) + ', removed ' + toString(coalesce(h.removed, 0))
       + ', edges added ' + toString(coalesce(h.edges_added, 0))
       + ', edges removed ' + toString(coalesce(h.edges_removed, 0)) AS name,
       h.finished AS finished
ORDER BY source
UNION ALL
MATCH (h:Newaisle:Refresh) WHERE h.key = h.source + '#head' AND ($source IS NULL OR h.source = $source)
MATCH (n:Newaisle {source: h.source}) WHERE n.run_id = h.run_id AND n.key <> h.key
RETURN h.source AS source,
       CASE WHEN n:Category THEN 'category' WHEN n:Product THEN 'product' ELSE 'attribute' END AS what,
       n.key AS key, n.name + coalesce('=' + n.value, '') AS name, h.finished AS finished
ORDER BY source, what, key LIMIT $limit;
