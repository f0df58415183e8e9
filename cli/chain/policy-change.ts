import {
  type AbiParameter,
  type Address,
  decodeAbiParameters,
  encodeAbiParameters,
  type Hex,
  parseAbiParameters,
} from 'viem';
import { UsageError } from '../exit-codes.ts';
import { didYouMean } from '../nearest.ts';
import { requireAddress, requireWord } from './options.ts';

/** What can be changed about a managed policy, in the contract's own numbers (contracts/src/policy/PolicyTypes.sol). */
export const subjects = [
  'image',
  'config',
  'runtime',
  'execution',
  'operator',
  'platform',
  'cloud',
  'certificate',
] as const;
export const standings = ['unlisted', 'accepted', 'denied'] as const;
const kinds = ['standing', 'any', 'hardware', 'floors', 'microcode', 'owner'] as const;
const products = ['none', 'milan', 'genoa', 'turin'] as const;

export interface Change {
  /** A ChangeKind. */
  readonly kind: number;
  readonly content: Hex;
}

const standingContent = parseAbiParameters('uint8, bytes32, uint8, bytes32');
const anyContent = parseAbiParameters('uint8, bool');
const floorsContent = parseAbiParameters([
  'uint8, Floors',
  'struct Floors { Floor reported; Floor committed; Floor launch; }',
  'struct Floor { bool any; bool anyMicrocode; uint64 minimum; }',
]);
const microcodeContent = parseAbiParameters([
  'uint8, uint8, uint8, Minima',
  'struct Minima { bool stated; uint8 reported; uint8 committed; uint8 launch; }',
]);
const ownerContent = parseAbiParameters('address');

const ZERO: Hex = `0x${'00'.repeat(32)}`;

/** `accept|deny|unlist SUBJECT ID`, of which an operator may be an address. */
export function standingChange(
  standing: (typeof standings)[number],
  words: readonly string[],
  provenance: string | undefined,
): Change {
  const [subject = '', id, ...rest] = words;
  if (rest.length > 0) throw new UsageError('name a subject and one identifier');
  const at = numberOf(subjects, subject, 'subject');
  const isImage = subject === 'image' && standing === 'accepted';
  if (isImage !== (provenance !== undefined)) {
    throw new UsageError(
      isImage
        ? '--provenance HEX is required: the SHA-256 of the statement that says what the image was built from'
        : '--provenance is for an image that is accepted',
    );
  }
  const word =
    subject === 'operator' && id !== undefined && id.length === 42
      ? padded(requireAddress(id, 'the operator'))
      : requireWord(id, `the ${subject}`);
  const digest = provenance === undefined ? ZERO : requireWord(provenance, '--provenance');
  return changeOf('standing', standingContent, [at, word, standings.indexOf(standing), digest]);
}

export function anyChange(words: readonly string[]): Change {
  const [subject = '', answer, ...rest] = words;
  if (rest.length > 0 || (answer !== 'yes' && answer !== 'no')) throw new UsageError('any SUBJECT yes|no');
  return changeOf('any', anyContent, [numberOf(subjects, subject, 'subject'), answer === 'yes']);
}

/** One minimum for what is reported, committed and launched; microcode has minima of its own. */
export function floorsChange(words: readonly string[]): Change {
  const [product = '', minimum = '', ...rest] = words;
  if (rest.length > 0 || !/^(0x[0-9a-f]{16}|any)$/.test(minimum))
    throw new UsageError('floors PRODUCT 0x and 16 hex digits, or "any"');
  const floor = { any: minimum === 'any', anyMicrocode: false, minimum: minimum === 'any' ? 0n : BigInt(minimum) };
  const floors = { reported: floor, committed: floor, launch: floor };
  return changeOf('floors', floorsContent, [productOf(product), floors]);
}

export function microcodeChange(words: readonly string[]): Change {
  const [product = '', ...numbers] = words;
  if (numbers.length !== 3 || numbers.some((text) => !/^\d{1,3}$/.test(text) || Number(text) > 255)) {
    throw new UsageError('microcode PRODUCT MODEL STEPPING MINIMUM, of a byte each');
  }
  const [model = 0, stepping = 0, least = 0] = numbers.map(Number);
  const minima = { stated: true, reported: least, committed: least, launch: least };
  return changeOf('microcode', microcodeContent, [productOf(product), model, stepping, minima]);
}

export function ownerChange(words: readonly string[]): Change {
  const [next, ...rest] = words;
  if (next === undefined || rest.length > 0) throw new UsageError('owner ADDRESS');
  return changeOf('owner', ownerContent, [requireAddress(next, 'the owner')]);
}

/** What a change says, for people. */
export function changeText({ kind, content }: Change): string {
  const name = kinds[kind];
  if (name === undefined) return 'a change that this program does not know';
  switch (name) {
    case 'standing': {
      const [subject, id, standing, provenance] = decodeAbiParameters(standingContent, content);
      const from = provenance === ZERO ? '' : `, built from ${provenance.slice(2)}`;
      return `${subjects[subject]} ${id.slice(2)} ${standings[standing]}${from}`;
    }
    case 'any': {
      const [subject, any] = decodeAbiParameters(anyContent, content);
      return `any ${subjects[subject]} ${any ? 'accepted' : 'not accepted'}`;
    }
    case 'floors': {
      const [product, { reported }] = decodeAbiParameters(floorsContent, content);
      return `TCB of ${products[product]} at least ${reported.any ? 'any' : `0x${reported.minimum.toString(16).padStart(16, '0')}`}`;
    }
    case 'microcode': {
      const [product, model, stepping, { reported }] = decodeAbiParameters(microcodeContent, content);
      return `microcode of ${products[product]} model ${model} stepping ${stepping} at least ${reported}`;
    }
    case 'owner':
      return `owner ${decodeAbiParameters(ownerContent, content)[0]}`;
    case 'hardware':
      return 'other rules of hardware';
  }
}

function changeOf(kind: (typeof kinds)[number], types: readonly AbiParameter[], values: readonly unknown[]): Change {
  return { kind: kinds.indexOf(kind), content: encodeAbiParameters(types, values as never) };
}

function productOf(text: string): number {
  return numberOf(products, text === 'none' ? '' : text, 'product');
}

function numberOf(words: readonly string[], word: string, what: string): number {
  const at = words.indexOf(word);
  if (at < 0) throw new UsageError(`${what} is one of ${words.join(', ')}, not "${word}"${didYouMean(word, words)}`);
  return at;
}

function padded(address: Address): Hex {
  return `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
}
