// Why one category or product is near another: all connections between them, with weights.
//
// attribute: both have it, or narrower values of it. Its weight is ln((n + 1) / carriers), with n the categories and
// products of the source, so that rare ones count more. carriers counts who has it.
// ancestor: both are below it (or one of them is it). Its weight is the sum of 0.5^steps over all paths from the one
// over it to the other. carriers counts its descendants.
// model: SIMILAR_TO, written by a model, with its score.
// The weights of attributes and of ancestors are those of the model before it has learned how much either kind counts,
// so compare them within a kind.
//
// $key    the key of the one
// $other  the key of the other
// $limit  rows at most of each kind (optional)
//
// :param key => 'tables:jam'
// :param other => 'tables:cocoa'
// :param limit => 20
MATCH (a:Newaisle {key: $key})-[:HAS_ATTRIBUTE]->(x:Newaisle:Attribute)-[:CHILD_OF*0..]->(shared:Newaisle:Attribute)
MATCH (b:Newaisle {key: $other})-[:HAS_ATTRIBUTE]->(y:Newaisle:Attribute)-[:CHILD_OF*0..]->(shared)
WITH DISTINCT a, b, shared
MATCH (shared)<-[:CHILD_OF*0..]-(:Newaisle:Attribute)<-[:HAS_ATTRIBUTE]-(carrier:Newaisle)
WITH a, b, shared, count(DISTINCT carrier) AS carriers
MATCH (any:Newaisle {source: a.source}) WHERE any:Category OR any:Product
WITH a, b, shared, carriers, count(any) AS everything
RETURN 'attribute' AS tie, shared.name + '=' + shared.value AS via, carriers,
       log((everything + 1.0) / carriers) AS weight,
       a.name + ' > ' + shared.value + ' < ' + b.name AS path
ORDER BY weight DESC, via LIMIT $limit
UNION ALL
MATCH up = (a:Newaisle {key: $key})-[:IN_CATEGORY|CHILD_OF*0..]->(shared:Newaisle:Category)
MATCH down = (b:Newaisle {key: $other})-[:IN_CATEGORY|CHILD_OF*0..]->(shared)
WITH shared, up, down ORDER BY length(up) + length(down)
WITH shared, sum(0.5 ^ (length(up) + length(down))) AS weight, collect(nodes(up))[0] AS left, collect(nodes(down))[0] AS right
OPTIONAL MATCH (shared)<-[:IN_CATEGORY|CHILD_OF*1..]-(below:Newaisle)
WITH shared, weight, left, right, count(DISTINCT below) AS carriers
RETURN 'ancestor' AS tie, shared.name AS via, carriers, weight,
       reduce(names = head(left).name, n IN tail(left) | names + ' > ' + n.name)
       + reduce(names = '', n IN tail(reverse(right)) | names + ' < ' + n.name) AS path
ORDER BY weight DESC, via LIMIT $limit
UNION ALL
MATCH (a:Newaisle {key: $key})-[near:SIMILAR_TO]-(b:Newaisle {key: $other})
RETURN 'model' AS tie, 'SIMILAR_TO' AS via, null AS carriers, near.score AS weight,
       startNode(near).name + ' > ' + endNode(near).name AS path
ORDER BY weight DESC;
