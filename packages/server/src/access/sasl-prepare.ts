/*
 * SASLprep (RFC 4013) in the part that matters: characters that are mapped to space or to nothing, normalization form KC, and the prohibited
 * characters. Left out are the check of right-to-left text (RFC 3454, section 6) and the list of code points that Unicode 3.2 did not know.
 */

const nonAsciiSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const mappedToNothing = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028\u2029\u202a-\u202e\u2061-\u2063\u206a-\u206f\ufdd0-\ufdef\ufff9-\uffff\u{1d173}-\u{1d17a}\u2ff0-\u2ffb\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The prepared text; undefined if it is empty or has a prohibited character. */
export function saslPrepare(text: string): string | undefined {
  const prepared = text.replace(nonAsciiSpaces, ' ').replace(mappedToNothing, '').normalize('NFKC');
  return prepared === '' || prohibited.test(prepared) ? undefined : prepared;
}
