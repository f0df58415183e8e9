/** NIST P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3): only what recognising a point takes. Public data, so BigInt is fine. */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = BigInt('0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b');

const COORDINATE = 32;

/** An uncompressed point with both coordinates below p, on the curve. The curve has cofactor 1: no further group check. */
export function isOnP256(point: Uint8Array): boolean {
  if (point.length !== 1 + 2 * COORDINATE || point[0] !== 4) return false;
  const x = toInteger(point, 1);
  const y = toInteger(point, 1 + COORDINATE);
  if (x >= P || y >= P) return false;
  return (y * y - (x * x * x - 3n * x + B)) % P === 0n;
}

function toInteger(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, COORDINATE);
  let value = 0n;
  for (let offset = 0; offset < COORDINATE; offset += 8) value = (value << 64n) | view.getBigUint64(offset);
  return value;
}
