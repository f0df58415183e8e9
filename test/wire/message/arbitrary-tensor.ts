import fc from 'fast-check';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { type BodyFormat, type Datatype, datatypes, type Tensor } from '../../../wire/message/tensor.ts';

const sizes: { readonly [Type in Exclude<Datatype, 'BOOL' | 'BYTES'>]: number } = {
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
};

function element(datatype: Datatype, format: BodyFormat): fc.Arbitrary<Uint8Array> {
  if (datatype === 'BOOL') return fc.boolean().map((value) => Uint8Array.of(value ? 1 : 0));
  if (datatype === 'BYTES') {
    const content = format === 'json' ? fc.string({ unit: 'binary' }).map(utf8) : fc.uint8Array({ maxLength: 9 });
    return content.map((bytes) => concatBytes(Uint8Array.of(bytes.length & 0xff, bytes.length >> 8, 0, 0), bytes));
  }
  if (format === 'binary') return fc.uint8Array({ minLength: sizes[datatype], maxLength: sizes[datatype] });
  return jsonNumber(datatype, sizes[datatype]);
}

/** Elements that JSON can carry: finite floats and integers within 2^53. */
function jsonNumber(datatype: Datatype, size: number): fc.Arbitrary<Uint8Array> {
  const write = (set: (view: DataView) => void): Uint8Array => {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    return bytes;
  };
  const finite = { noNaN: true, noDefaultInfinity: true };
  if (datatype === 'FP32') return fc.float(finite).map((value) => write((view) => view.setFloat32(0, value, true)));
  if (datatype === 'FP64') return fc.double(finite).map((value) => write((view) => view.setFloat64(0, value, true)));
  if (size < 8) return fc.uint8Array({ minLength: size, maxLength: size });
  const min = datatype === 'INT64' ? -Number.MAX_SAFE_INTEGER : 0;
  return fc
    .maxSafeInteger()
    .filter((value) => value >= min)
    .map((value) => write((view) => view.setBigInt64(0, BigInt(value), true)));
}

const shape: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 });

/** Tensors that a body of the format can carry, under different names. */
export function arbitraryTensors(format: BodyFormat): fc.Arbitrary<readonly Tensor[]> {
  const carried = datatypes.filter((type) => format === 'binary' || (type !== 'FP16' && type !== 'BF16'));
  const tensor = fc.tuple(fc.constantFrom(...carried), shape).chain(([datatype, dimensions]) => {
    const count = dimensions.reduce((product, size) => product * size, 1);
    return fc.record({
      name: fc.string({ minLength: 1, maxLength: 20 }),
      datatype: fc.constant(datatype),
      shape: fc.constant(dimensions),
      data: fc
        .array(element(datatype, format), { minLength: count, maxLength: count })
        .map((parts) => concatBytes(...parts)),
    });
  });
  return fc.uniqueArray(tensor, { maxLength: 4, selector: (value) => value.name });
}
