// The attributes of a category or product, the most informative first.
//
// information is ln((n + 1) / carriers), where n counts the categories and products of the source: the weight by which
// the model prefers rare attributes. A carrier has the attribute itself, or a narrower value of it.
//
// $key  the key of the category or product
//
// :param key => 'tables:jam'
MATCH (n:Newaisle {key: $key})
MATCH (any:Newaisle {source: n.source}) WHERE any:Category OR any:Product
WITH n, count(any) AS everything
MATCH (n)-[has:HAS_ATTRIBUTE]->(a:Newaisle:Attribute)
MATCH (a)<-[:CHILD_OF*0..]-(:Newaisle:Attribute)<-[:HAS_ATTRIBUTE]-(carrier:Newaisle)
WITH everything, has, a, count(DISTINCT carrier) AS carriers
RETURN a.name AS attribute, a.value AS value, has.weight AS weight, carriers - 1 AS others,
       log((everything + 1.0) / carriers) AS information
ORDER BY information DESC, attribute, value;
