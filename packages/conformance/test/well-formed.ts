const name = '[A-Za-z_][\\w.-]*';
const text = '(?:[^<>&]|&(?:amp|lt|gt|quot);)*';
const attributes = `(?:\\s+${name}="(?:[^<>&"]|&(?:amp|lt|gt|quot);)*")*`;
const tags = new RegExp(`(${text})<(/?)(${name})${attributes}\\s*(/?)>`, 'uy');

/** Names of the elements of an XML document of plain tags, attributes and text; throws where it is not well-formed. */
export function elementsOf(xml: string): string[] {
  const start = /^<\?xml version="1\.0" encoding="UTF-8"\?>\n/.exec(xml);
  if (start === null) throw new Error('no XML declaration');
  const [open, found]: [string[], string[]] = [[], []];
  tags.lastIndex = start[0].length;
  let end = tags.lastIndex;
  for (let match = tags.exec(xml); match !== null; match = tags.exec(xml)) {
    const [, , closing, element, empty] = match;
    if (closing === '') found.push(element);
    if (closing === '' && empty === '') open.push(element);
    if (closing !== '' && open.pop() !== element) throw new Error(`</${element}> closes nothing`);
    end = tags.lastIndex;
    if (open.length === 0) break;
  }
  if (open.length > 0 || xml.slice(end).trim() !== '') throw new Error(`not well-formed: ${xml.slice(end, end + 80)}`);
  return found;
}
