import { toHex } from '../../../../../../wire/bytes.ts';
import { decodeReceipt } from '../../../../../../wire/message/receipt.ts';
import {
  feeFor,
  operation,
  type RequestHeader,
  requestPreimage,
  responsePreimage,
} from '../../../../../../wire/message/request.ts';
import { type Given, headerOf, named, type ProofStep, requestOf, responseOf, same } from './step.ts';

export async function requestStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const receipt = decodeReceipt(archive.receipt);
  const { header, body } = requestOf(archive);
  const hash = await suite.sha256(requestPreimage(header, await suite.sha256(body)));
  return {
    id: 'request',
    title: 'The receipt covers this request',
    settles: 'The worker signed for exactly the header and input that left this page.',
    from: 'Header and body are the bytes that this page sealed.',
    comparisons: [
      same('SHA-256(0x02 || header || SHA-256(body))', hash, 'requestHash in the receipt', receipt.requestHash),
      same('request id drawn here', headerOf(archive).requestId, 'requestId in the receipt', receipt.requestId),
      same('model id asked for', headerOf(archive).modelId, 'modelId in the receipt', receipt.modelId),
    ],
    facts: [{ label: 'input', value: `${body.length} bytes` }],
    checks: named(proven, /^R(5|6|7|11|17)$/),
  };
}

export async function responseStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const receipt = decodeReceipt(archive.receipt);
  const { format, jsonLength, body } = responseOf(archive);
  const bodyHash = await suite.sha256(body);
  const preimage = responsePreimage({
    salt: headerOf(archive).salt,
    status: receipt.status,
    format: BigInt(format),
    jsonLength: BigInt(jsonLength),
    bodyHash,
  });
  return {
    id: 'response',
    title: 'The receipt covers this answer',
    settles: 'What is shown as the answer is what the worker signed for, to the last byte.',
    from: 'The body is what was opened from the sealed records; the salt was drawn in this page.',
    comparisons: [
      same(
        'SHA-256(0x03 || salt || status || format || jsonLength || SHA-256(body))',
        await suite.sha256(preimage),
        'responseHash in the receipt',
        receipt.responseHash,
      ),
    ],
    facts: [
      { label: 'status', value: proven.receipt.status },
      { label: 'output', value: `${body.length} bytes` },
    ],
    checks: named(proven, /^R8$/),
  };
}

export async function executionStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { execution } = proven.receipt;
  const { generation } = execution;
  return {
    id: 'execution',
    title: 'The receipt says how it was computed',
    settles: 'Engine, version and options decide the bits of an answer: with them it can be computed again.',
    from: 'The statement came with the answer, inside the seal. The processor is as it reported itself: that is not proven.',
    comparisons: [
      same(
        'SHA-256(execution statement)',
        await suite.sha256(archive.execution),
        'execution in the receipt',
        decodeReceipt(archive.receipt).execution,
      ),
    ],
    facts: [
      { label: 'engine', value: `${execution.engine} ${execution.version}, ${execution.provider}` },
      { label: 'optimisation', value: `${execution.optimisation}, ${execution.threads} thread(s)` },
      { label: 'layout', value: `${execution.layout}, ${execution.schedule}` },
      { label: 'processor, as reported', value: `${execution.cpuFamily} (${execution.cpuIsa})` },
      ...(generation === null
        ? []
        : [
            {
              label: 'sampling',
              value: `${generation.sampler}, temperature ${generation.temperature}, top_p ${generation.topP}, at most ${generation.maxTokens} tokens`,
            },
          ]),
    ],
    checks: named(proven, /^R(9|10)$/),
  };
}

export async function feeStep({ archive, proven }: Given): Promise<ProofStep> {
  const header = headerOf(archive);
  const receipt = decodeReceipt(archive.receipt);
  const units = unitsOf(header, receipt.fee);
  const owed = units === undefined ? receipt.fee : feeFor(header, units);
  return {
    id: 'fee',
    title: 'It cost what was agreed',
    settles:
      'The fee is the price of a unit times the units that the worker counted, and never above the most that was allowed.',
    from: 'Price and limit stand in the header that this page wrote; how many tokens were counted is the worker’s word.',
    comparisons: [
      {
        computed: units === undefined ? 'the call was free' : `min(${header.maxFee}, ${header.unitPrice} × ${units})`,
        value: `${owed}`,
        stated: 'fee in the receipt',
        statedValue: `${receipt.fee}`,
        holds: owed === receipt.fee,
      },
    ],
    facts: [
      { label: 'units', value: units === undefined ? 'not priced' : `${units}` },
      {
        label: 'channel',
        value: receipt.channel.every((byte) => byte === 0) ? 'none: nothing is owed' : toHex(receipt.channel),
      },
    ],
    checks: named(proven, /^R1[23]$/),
  };
}

/** Of a tensor call one; of a language call as many as the fee is for. Undefined where a unit costs nothing. */
function unitsOf({ operation: asked, unitPrice }: RequestHeader, fee: bigint): bigint | undefined {
  if (unitPrice === 0n) return undefined;
  if (asked === operation.infer) return fee === 0n ? 0n : 1n;
  return (fee + unitPrice - 1n) / unitPrice;
}
