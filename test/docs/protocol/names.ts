import { limits } from '../../../wire/limits.ts';
import { releaseStatus } from '../../../wire/message/authorisations.ts';
import { status } from '../../../wire/message/receipt.ts';
import { flag, format, operation } from '../../../wire/message/request.ts';
import { recordKind } from '../../../wire/message/session.ts';
import { paddedSize } from '../../../wire/noise/record.ts';
import { code, table } from '../markers.ts';
import { numbersOf, unionOf } from '../source.ts';

function named(values: Readonly<Record<string, bigint | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${value} ${code(name)}`)
    .join(', ');
}

/** Lengths at which a rule of padding steps. */
const LENGTHS = [0, 252, 253, 508, 509, 1_020, 1_021, 65_532, 65_533, 131_068, 131_069];

function padding(): string {
  const rows = LENGTHS.map((length) => [
    String(length),
    String(paddedSize(length, 'body')),
    String(paddedSize(length, 'stream')),
  ]);
  return table(['data bytes', 'plaintext, body', 'plaintext, stream'], rows);
}

/** What a second implementation has to keep to, or will be refused by. */
const WIRE_LIMITS = [
  'bodyBytes',
  'jsonHeaderBytes',
  'nestingDepth',
  'cborItems',
  'configurationBytes',
  'configurationPublishers',
  'configurationModels',
  'manifestBytes',
  'manifestFiles',
  'modelFileBytes',
  'attestationDocumentBytes',
  'nitroPayloadBytes',
  'nitroCertificateBytes',
  'nitroBundleCertificates',
  'certificateBytes',
  'evidenceBytes',
  'evidenceValues',
  'archiveBytes',
  'tensors',
  'tensorRank',
  'integerDecimals',
  'integerDimension',
  'commitmentElements',
  'tensorNameBytes',
  'languageBodyBytes',
  'languageValues',
  'chatMessages',
  'promptBytes',
  'stopStrings',
  'stopCharacters',
  'generatedTokens',
  'treeSize',
  'treeProofHashes',
  'checkpointBytes',
  'recordPlaintextBytes',
  'recordBytes',
  'sessionWindow',
  'executionBytes',
  'bundleBytes',
  'signedStatusBytes',
  'hubReleaseBytes',
  'headsPerPage',
  'hintBytes',
  'httpHeaderBytes',
  'keptMilliseconds',
  'keptBytes',
] as const satisfies readonly (keyof typeof limits)[];

function limitTable(): string {
  const declared = new Map(numbersOf('wire/limits.ts', 'limits').map(([name, , comment]) => [name, comment]));
  const rows = WIRE_LIMITS.map((name) => [code(name), String(limits[name]), declared.get(name) ?? '']);
  return table(['limit', 'value', 'why'], rows);
}

const list = (words: readonly string[]): string => words.map(code).join(', ');

export const nameBlocks: Readonly<Record<string, () => string>> = {
  operations: () => named(operation),
  formats: () => named(format),
  flags: () => named(flag),
  statuses: () => named(status),
  'release statuses': () => named(releaseStatus),
  'record kinds': () => named(recordKind),
  padding,
  limits: limitTable,
  'answer codes': () =>
    list([
      ...unionOf('enclave/worker/work.ts', 'AnswerErrorCode'),
      ...unionOf('enclave/worker/model/errors.ts', 'ModelErrorCode'),
    ]),
  'wire codes': () => list(unionOf('wire/errors.ts', 'WireErrorCode')),
};
