// The texts of two categories or products that the text encoder reads, side by side.
//
// newaisle explain points here where nothing in the graph connects two, but their texts are similar.
//
// $key    the key of the one
// $other  the key of the other
//
// :param key => 'tables:jam'
// :param other => 'tables:cocoa'
MATCH (a:Newaisle {key: $key})
MATCH (b:Newaisle {key: $other})
RETURN a.name AS name, a.text AS text, b.name AS other_name, b.text AS other_text;
