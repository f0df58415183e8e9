import type { Check } from '../../verifier/index.ts';
import { isZero, toHex } from '../../wire/bytes.ts';
import { decodeCosignedHead } from '../../wire/message/anchor.ts';
import type { Archive, TimeAnchor } from '../../wire/message/archive.ts';
import { decodeExecution } from '../../wire/message/execution.ts';
import { decodeManifest } from '../../wire/message/manifest.ts';
import { decodeReceipt, decodeTreeHead, type Receipt, statusName } from '../../wire/message/receipt.ts';
import { decodeRequestHeader, flag } from '../../wire/message/request.ts';
import { decodeInferRequest, decodeInferResponse, type Tensor, tensorValues } from '../../wire/message/tensor.ts';
import { answeredText, askedText } from './language.ts';
import { linkOf } from './links.ts';
import { type Fact, type FactGroup, type FactValue, fact, type TrustLink } from './report.ts';
import { standingOf } from './standing.ts';
import { readable, runtimeText } from './worker-claims.ts';

const HEAD = ['R1', 'R2', 'R3'] as const;
const RECEIPT = ['R4', 'R9', 'R10'] as const;
const EXCHANGE = ['F1', 'R5', 'R6', 'R7', 'R8', 'R11'] as const;
const RELEASE = ['M0', 'M1', 'M2', 'M3'] as const;
const COMMITMENT = 'K1';

export interface ShownArchive {
  readonly archive: Archive;
  /** SHA-256 of its manifest: what a model is called by. */
  readonly modelId: Uint8Array;
}

/** From the worker's key down to the answer and the model that made it. */
export function answerLinks(
  { archive, modelId }: ShownArchive,
  checks: readonly Check[],
  worker: TrustLink | undefined,
): readonly TrustLink[] {
  const head = readable(() => decodeTreeHead(archive.head));
  const receipt = readable(() => decodeReceipt(archive.receipt));
  const manifest = readable(() => decodeManifest(archive.release.manifest));
  const headLink = linkOf(checks, worker, {
    kind: 'head',
    title: "Head of the worker's log",
    by: "signed with the worker's signer",
    checks: HEAD,
    facts: head === null ? [] : [fact('size', 'size', head.size), fact('root', 'root', toHex(head.root))],
  });
  const receiptLink = linkOf(checks, headLink, {
    kind: 'receipt',
    title: 'Receipt',
    by: 'a leaf of the tree under the head',
    checks: RECEIPT,
    facts:
      receipt === null
        ? []
        : [fact('index', 'leaf', Number(receipt.index)), fact('requestId', 'request', toHex(receipt.requestId))],
  });
  return [
    headLink,
    receiptLink,
    linkOf(checks, receiptLink, {
      kind: 'answer',
      title: 'Request and answer',
      by: 'their hashes are in the receipt',
      checks: exchangeChecks(checks),
      facts: archive.response === null ? [] : [fact('bodyHash', 'answer hash', toHex(archive.response.bodyHash))],
    }),
    linkOf(checks, receiptLink, {
      kind: 'model',
      title: manifest === null ? 'Model' : `Model ${manifest.name} ${manifest.version}`,
      by: 'its id is in the receipt, and its owner signed it',
      checks: RELEASE,
      facts: [fact('modelId', 'model id', toHex(modelId))],
    }),
  ];
}

export function answerGroups(shown: ShownArchive, checks: readonly Check[], accepted: boolean): readonly FactGroup[] {
  const { archive } = shown;
  const group = (
    key: string,
    title: string,
    ids: readonly string[],
    facts: readonly Fact[] | null,
  ): readonly FactGroup[] =>
    facts === null ? [] : [{ key, title, standing: standingOf(checks, ids, accepted), facts }];
  return [
    ...group(
      'receipt',
      'Receipt',
      [...HEAD, ...RECEIPT],
      readable(() => receiptFacts(archive, checks)),
    ),
    ...group(
      'exchange',
      'Request and answer',
      [...HEAD, ...RECEIPT, ...exchangeChecks(checks)],
      readable(() => exchangeFacts(archive)),
    ),
    ...group(
      'model',
      'Model',
      [...HEAD, ...RECEIPT, ...RELEASE],
      readable(() => releaseFacts(shown)),
    ),
  ];
}

/** A wrong commitment breaks what was said of request and answer; one that was not come to leaves that as it is. */
function exchangeChecks(checks: readonly Check[]): readonly string[] {
  const isWrong = checks.some(({ id, outcome }) => id === COMMITMENT && outcome === 'failed');
  return isWrong ? [...EXCHANGE, COMMITMENT] : EXCHANGE;
}

/** `matches`, `zero` or `wrong`, and why; or that nobody can tell. */
function commitmentText({ commitment }: Receipt, checks: readonly Check[]): string {
  const check = checks.find(({ id }) => id === COMMITMENT);
  if (check?.outcome === 'passed') return check.detail;
  if (check?.outcome === 'failed') return `wrong: ${check.detail}`;
  const why = check?.detail === 'the payload is missing' ? 'request or answer was deleted' : 'an earlier check failed';
  return `${isZero(commitment) ? 'zero' : toHex(commitment)}, not checkable: ${why}`;
}

function receiptFacts(archive: Archive, checks: readonly Check[]): readonly Fact[] {
  const receipt = decodeReceipt(archive.receipt);
  const head = decodeTreeHead(archive.head);
  const execution = decodeExecution(archive.execution);
  const has = (bit: bigint): boolean => (receipt.flags & bit) !== 0n;
  return [
    fact('requestId', 'request id', toHex(receipt.requestId)),
    fact('status', 'status', statusName(receipt.status)),
    fact('index', 'leaf', Number(receipt.index)),
    fact('headSize', 'size of the tree', head.size),
    fact('headRoot', 'root of the tree', toHex(head.root)),
    fact('sealed', 'sealed end to end', has(flag.sealed)),
    fact('streamed', 'streamed', has(flag.streamed)),
    fact('channel', 'channel', isZero(receipt.channel) ? null : toHex(receipt.channel)),
    fact('fee', 'fee', String(receipt.fee)),
    fact('cumulativeFee', 'owed by the channel', String(receipt.cumulativeFee)),
    fact('deadline', 'deadline', receipt.deadline === 0n ? null : String(receipt.deadline)),
    fact('requestHash', 'request hash', toHex(receipt.requestHash)),
    fact('responseHash', 'response hash', toHex(receipt.responseHash)),
    fact('commitment', 'commitment', commitmentText(receipt, checks)),
    fact('execution', 'execution', `${runtimeText(execution)}; ${execution.layout}, ${execution.schedule}`),
    fact('processor', 'processor, as reported', `${execution.cpuFamily}; ${execution.cpuIsa}`),
    fact('anchors', 'dated by', archive.anchors.map(anchorText)),
  ];
}

/** What an anchor claims; whether its cosigner is anybody is for the policy. */
function anchorText({ kind, evidence }: TimeAnchor): string {
  const cosigned = kind === 'cosignature' ? readable(() => decodeCosignedHead(evidence)) : null;
  if (cosigned === null) return kind;
  const time = new Date(Number(cosigned.statement.time) * 1_000).toISOString();
  return `cosignature of ${time.slice(0, 19)}Z by ${toHex(cosigned.cosigner)}`;
}

const OPERATIONS = ['infer', 'chat', 'completion'] as const;

function exchangeFacts({ request, response }: Archive): readonly Fact[] {
  const header = request === null ? null : decodeRequestHeader(request.header);
  return [
    fact('operation', 'operation', header === null ? null : (OPERATIONS[Number(header.operation)] ?? null)),
    fact('requestBytes', 'request, bytes', request?.body?.length ?? null),
    fact('requestBodyHash', 'request, SHA-256', request === null ? null : toHex(request.bodyHash)),
    fact('inputs', 'inputs', inputsOf({ request, response })),
    fact('responseBytes', 'answer, bytes', response?.body?.length ?? null),
    fact('responseBodyHash', 'answer, SHA-256', response === null ? null : toHex(response.bodyHash)),
    fact('outputs', 'answer', outputsOf({ request, response })),
  ];
}

type Exchange = Pick<Archive, 'request' | 'response'>;

function inputsOf({ request }: Exchange): FactValue {
  return readable(() => {
    if (request === null || request.body === null) return null;
    const { format, jsonLength, operation } = decodeRequestHeader(request.header);
    if (operation !== 0n) return askedText(request.body);
    if (format > 1n) return null;
    const encoded = { body: request.body, jsonLength: Number(jsonLength) };
    return decodeInferRequest(encoded, format === 0n ? 'binary' : 'json').inputs.map(tensorText);
  });
}

function outputsOf({ request, response }: Exchange): FactValue {
  return readable(() => {
    if (request === null || response === null || response.body === null) return null;
    if (decodeRequestHeader(request.header).operation !== 0n) return answeredText(response.body);
    if (response.format > 1) return null;
    const encoded = { body: response.body, jsonLength: response.jsonLength };
    return decodeInferResponse(encoded, response.format === 0 ? 'binary' : 'json').outputs.map(tensorText);
  });
}

/** The first values only: the payload itself is in the file. */
function tensorText(tensor: Tensor): string {
  const values = tensorValues(tensor);
  const shown = values.slice(0, 10).map(valueText);
  const more = values.length > shown.length ? ' …' : '';
  return `${tensor.name} ${tensor.datatype}[${tensor.shape.join()}] ${shown.join(' ')}${more}`;
}

function valueText(value: number | bigint | boolean | Uint8Array): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  return value instanceof Uint8Array ? JSON.stringify(new TextDecoder().decode(value.subarray(0, 64))) : String(value);
}

function releaseFacts({ archive: { release }, modelId }: ShownArchive): readonly Fact[] {
  const manifest = decodeManifest(release.manifest);
  return [
    fact('modelId', 'model id', toHex(modelId)),
    fact('name', 'name', manifest.name),
    fact('version', 'version', manifest.version),
    fact('kind', 'kind', manifest.kind),
    fact('owner', "owner's release key", toHex(release.owner)),
    fact('licence', 'licence', manifest.licence),
    fact(
      'files',
      'files',
      manifest.files.map(({ path, size, sha256: digest }) => `${path}, ${size} bytes, ${toHex(digest)}`),
    ),
  ];
}
