import { concatBytes, utf8 } from '../../wire/bytes.ts';

/** A whole HTTP/1.1 request as it goes over the wire, for clients that speak to a socket themselves. */
export function httpRequest(path: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Uint8Array {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
  ];
  return concatBytes(utf8(`${lines.join('\r\n')}\r\n\r\n`), body);
}

export interface HttpAnswer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Of a whole answer that says its length. */
export function parseHttpAnswer(bytes: Uint8Array): HttpAnswer {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.indexOf('\r\n\r\n');
  const [first = '', ...lines] = all.toString('latin1', 0, end).split('\r\n');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(first.slice(9, 12)),
    headers: new Map(headers),
    body: Uint8Array.from(all.subarray(end + 4)),
  };
}
