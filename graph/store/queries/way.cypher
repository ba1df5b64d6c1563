// The paths from one category or product to another, over each attribute and each category above both.
//
// attribute: both have it, or narrower values of it. ancestor: both are below it, or one of them is it. Of several
// paths over the same node the shortest is shown, and of equally short ones the first by its keys. > leads up, < down.
// newaisle explain gives these parameters with every reason.
//
// $key    the key of the one
// $other  the key of the other
// $via    the key of the attribute or category to go over; all of them where not given (optional)
//
// :param key => 'tables:jam'
// :param other => 'tables:cocoa'
// :param via => null
MATCH up = (a:Newaisle {key: $key})-[:HAS_ATTRIBUTE]->(:Newaisle:Attribute)-[:CHILD_OF*0..]->(over:Newaisle:Attribute)
WHERE $via IS NULL OR over.key = $via
MATCH down = (b:Newaisle {key: $other})-[:HAS_ATTRIBUTE]->(:Newaisle:Attribute)-[:CHILD_OF*0..]->(over)
WITH a, b, over, nodes(up) AS left, nodes(down) AS right
WITH a, b, over, left, right, size(left) + size(right) - 2 AS steps,
     reduce(line = '', n IN left | line + n.key + ' > ') AS ups, reduce(line = '', n IN right | line + n.key + ' > ') AS downs
ORDER BY steps, ups, downs
WITH a, b, over, collect(left)[0] AS left, collect(right)[0] AS right, collect(steps)[0] AS steps
RETURN 'attribute' AS tie, over.name + '=' + over.value AS via, steps,
       [n IN left | n.key] + tail(reverse([n IN right | n.key])) AS keys,
       reduce(names = a.name, n IN tail(left) | names + ' > ' + n.name + '=' + n.value)
       + reduce(names = '', n IN tail(reverse(tail(right))) | names + ' < ' + n.name + '=' + n.value) + ' < ' + b.name AS path
ORDER BY steps, via
UNION ALL
MATCH up = (a:Newaisle {key: $key})-[:IN_CATEGORY|CHILD_OF*0..]->(over:Newaisle:Category)
WHERE $via IS NULL OR over.key = $via
MATCH down = (b:Newaisle {key: $other})-[:IN_CATEGORY|CHILD_OF*0..]->(over)
WITH over, nodes(up) AS left, nodes(down) AS right
WITH over, left, right, size(left) + size(right) - 2 AS steps,
     reduce(line = '', n IN left | line + n.key + ' > ') AS ups, reduce(line = '', n IN right | line + n.key + ' > ') AS downs
ORDER BY steps, ups, downs
WITH over, collect(left)[0] AS left, collect(right)[0] AS right, collect(steps)[0] AS steps
RETURN 'ancestor' AS tie, over.name AS via, steps,
       [n IN left | n.key] + tail(reverse([n IN right | n.key])) AS keys,
       reduce(names = head(left).name, n IN tail(left) | names + ' > ' + n.name)
       + reduce(names = '', n IN tail(reverse(right)) | names + ' < ' + n.name) AS path
ORDER BY steps, via;
