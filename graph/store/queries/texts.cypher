// What the text encoder reads of two categories or products, side by side.
//
// newaisle explain points here where nothing in the graph ties two, but their texts are alike.
//
// $key    the key of the one
// $other  the key of the other
//
// :param key => 'tables:jam'
// :param other => 'tables:cocoa'
MATCH (a:Newaisle {key: $key})
MATCH (b:Newaisle {key: $other})
RETURN a.name AS name, a.text AS text, b.name AS other_name, b.text AS other_text;
