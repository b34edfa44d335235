// Patterns for names: `*` any characters, `?` one, `[a-z]` one of a set and `[!a-z]` one of no set; everything
// else is itself. Promises: an answer in time that grows with name times pattern and no faster. A regular
// expression made from `*a*a*a*b` can be kept busy for hours by one name of 60 KiB, and names are chosen by
// whoever sends.

export interface Glob {
  test(text: string): boolean;
}

/** Whether one character can stand here; undefined for `*`. */
type Place = ((char: string) => boolean) | undefined;

const anyChar = () => true;

/** `[a-z]` at this place of the pattern, or not: a bracket that is not closed is a bracket. */
const SET = /^\[(!?)([^\]]+)\]/;

function oneOf(members: string): (char: string) => boolean {
  const chars = [...members];
  const ranges: [string, string][] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const from = chars[at] as string;
    const isRange = chars[at + 1] === '-' && at + 2 < chars.length;
    ranges.push([from, isRange ? (chars[at + 2] as string) : from]);
    if (isRange) at += 2;
  }
  const order = (char: string) => char.codePointAt(0) ?? 0;
  return (char) => ranges.some(([from, to]) => order(from) <= order(char) && order(char) <= order(to));
}

function placesOf(glob: string, ignoreCase: boolean): readonly Place[] {
  const fold = (holds: (char: string) => boolean) => (char: string) =>
    holds(char) || (ignoreCase && (holds(char.toLowerCase()) || holds(char.toUpperCase())));
  const places: Place[] = [];
  let at = 0;
  while (at < glob.length) {
    const char = String.fromCodePoint(glob.codePointAt(at) ?? 0);
    const set = char === '[' ? SET.exec(glob.slice(at)) : null;
    if (set) {
      const inSet = fold(oneOf(set[2] ?? ''));
      places.push(set[1] === '!' ? (one) => !inSet(one) : inSet);
    } else if (char === '*') places.push(undefined);
    else places.push(char === '?' ? anyChar : fold((one) => one === char));
    at += set ? set[0].length : char.length;
  }
  return places;
}

/** Tries a `*` with one character more each time the rest does not fit; an earlier `*` is never tried again. */
function fits(places: readonly Place[], chars: readonly string[]): boolean {
  let at = 0;
  let place = 0;
  let star = -1;
  let starAt = 0;
  while (at < chars.length) {
    const here = places[place];
    if (here !== undefined && here(chars[at] as string)) {
      at += 1;
      place += 1;
    } else if (here === undefined && place < places.length) {
      star = place;
      starAt = at;
      place += 1;
    } else if (star >= 0) {
      starAt += 1;
      at = starAt;
      place = star + 1;
    } else return false;
  }
  while (place < places.length && places[place] === undefined) place += 1;
  return place === places.length;
}

export function globPattern(glob: string, ignoreCase: boolean): Glob {
  const places = placesOf(glob, ignoreCase);
  return { test: (text) => fits(places, [...text]) };
}
