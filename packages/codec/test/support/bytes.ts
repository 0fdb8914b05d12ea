/** Packets written down as their fields, by rules that share no code with the package. */
export type Field = number | string | Uint8Array;

const textEncoder = new TextEncoder();

/** A number is a byte, a string is a UTF-8 string with its length, bytes are themselves. */
export function join(...fields: Field[]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap((field) => (typeof field === 'number' ? [field] : [...(typeof field === 'string' ? text(field) : field)])),
  );
}

function text(value: string): Uint8Array {
  const bytes = textEncoder.encode(value);
  return join(u16(bytes.length), bytes);
}

/** Bytes without a length in front. */
export function raw(value: string | readonly number[]): Uint8Array {
  return typeof value === 'string' ? textEncoder.encode(value) : Uint8Array.from(value);
}

export function u16(value: number): Uint8Array {
  return raw([Math.floor(value / 256), value % 256]);
}

export function u32(value: number): Uint8Array {
  return join(u16(Math.floor(value / 65_536)), u16(value % 65_536));
}

export function binary(...bytes: number[]): Uint8Array {
  return join(u16(bytes.length), raw(bytes));
}

export function variable(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return raw(bytes);
}

/** A Property Length and what it counts. */
export function properties(...fields: Field[]): Uint8Array {
  const list = join(...fields);
  return join(variable(list.length), list);
}

/** A fixed header and what it counts. */
export function packet(firstByte: number, ...fields: Field[]): Uint8Array {
  const body = join(...fields);
  return join(firstByte, variable(body.length), body);
}
