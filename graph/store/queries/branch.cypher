// Size, attributes and states of a branch of the taxonomy and of each of its children.
//
// within counts the categories and products at any depth, the row's own category included; attributes is their mean
// number of attributes, bare counts those without any. The largest row is the branch as a whole.
//
// $key  the key of the category at the top of the branch; without it, every root is a row (optional)
//
// :param key => null
MATCH (child:Newaisle:Category)
OPTIONAL MATCH (child)-[:CHILD_OF]->(parent:Newaisle:Category)
WITH child, collect(parent.key) AS parents
WHERE ($key IS NULL AND size(parents) = 0) OR $key IN parents OR child.key = $key
MATCH (child)<-[:CHILD_OF|IN_CATEGORY*0..]-(n:Newaisle)
WITH DISTINCT child, n
OPTIONAL MATCH (n)-[:HAS_ATTRIBUTE]->(a:Newaisle:Attribute)
WITH child, n, count(a) AS attributes
RETURN child.key AS key, child.name AS name, count(n) AS within,
       sum(CASE WHEN n:Product THEN 1 ELSE 0 END) AS products,
       sum(CASE n.state WHEN 'seen' THEN 1 ELSE 0 END) AS seen, sum(CASE n.state WHEN 'new' THEN 1 ELSE 0 END) AS new,
       avg(attributes) AS attributes, sum(CASE attributes WHEN 0 THEN 1 ELSE 0 END) AS bare
ORDER BY within DESC, key;
