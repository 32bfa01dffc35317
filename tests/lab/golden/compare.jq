# What xl and xk made of each row ($xl, $xk: files with an object by the row's
# name; a text is a refusal), as lines that say where they differ.
# $differences: the file of those with a reason, each of which must still be
# there unless it is a matter of chance.

def known(row): [$differences[0][] | select(.row == row)];
def refusals(row): [known(row)[] | select(.refused)];
def allowed(row): [known(row)[] | .paths // [] | .[]];

# libxl writes no member where the value is its own default, and an object for
# what has members, even if none is written.
def solid: if type == "object" then
    with_entries(.value |= solid) | with_entries(select(.value != {}))
  elif type == "array" then map(solid) else . end;

# That an HVM guest has no VNC server by default is one difference, of one row.
def no_screen: ["b_info", "type.hvm", "vnc", "enable"];
def but_for_screen(row; theirs):
  if row != "vnc-that-nobody-asked-for" and getpath(no_screen) == "False"
    and (theirs | getpath(no_screen)) == null
  then delpaths([no_screen]) else . end;

def compare(row; theirs; ours):
  if (ours | type) == "string" then "\(row): xk refuses it: \(ours)"
  elif (theirs | type) == "string" then
    if refusals(row) == [] then "\(row): xl refuses it: \(theirs)" else empty end
  elif refusals(row) != [] then "\(row): xl no longer refuses it"
  else
    ([known(row)[] | select(.chance | not) | .paths // [] | .[]][] as $path
      | select((theirs | getpath($path)) == (ours | getpath($path)))
      | "\(row): no longer differs at \($path | tojson)"),
    ((theirs | delpaths(allowed(row)) | solid) as $t
      | (ours | but_for_screen(row; theirs) | delpaths(allowed(row)) | solid)
        as $o
      | select($t != $o)
      | ([$t | paths(scalars)] + [$o | paths(scalars)] | unique[]) as $path
      | select(($t | getpath($path)?) != ($o | getpath($path)?))
      | "\(row): \($path | tojson): xl \($t | getpath($path)? | tojson), xk \($o | getpath($path)? | tojson)")
  end;

[($xl[0] | keys[]) as $row | compare($row; $xl[0][$row]; $xk[0][$row])]
  + [$differences[0][].row | select($xl[0][.] == null) | "\(.): there is no such row"]
  | .[]
