/** Text from evidence goes to a terminal or a page: control characters and direction marks would let it rewrite the report. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '�');
}

/** JSON on one line, for programs and terminals: what a terminal would obey is written as its escape, which JSON allows. */
export function jsonLine(json: string): string {
  const escaped = json.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
  return `${escaped}\n`;
}
