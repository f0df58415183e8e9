import forge from 'node-forge';

/** X.509 spells years from 2050 on in another type (RFC 5280 section 4.1.2.5): both are a time. */
const TIMES: readonly number[] = [forge.asn1.Type.UTCTIME, forge.asn1.Type.GENERALIZEDTIME];

/** Every tag of an encoding in order, with the object identifiers: its shape without its contents. */
export function shapeOf(der: Uint8Array): readonly string[] {
  const shape: string[] = [];
  const walk = (element: forge.asn1.Asn1, depth: number): void => {
    const isOid = element.tagClass === 0 && (element.type as number) === forge.asn1.Type.OID;
    const id = isOid ? forge.asn1.derToOid(forge.util.createBuffer(element.value as string)) : '';
    const type = TIMES.includes(element.type) ? 'time' : element.type;
    shape.push(`${depth}:${element.tagClass}.${type} ${id}`);
    if (Array.isArray(element.value)) for (const child of element.value) walk(child, depth + 1);
  };
  const text = Buffer.from(der).toString('latin1');
  walk(forge.asn1.fromDer(text, { decodeBitStrings: false } as never), 0);
  return shape;
}
