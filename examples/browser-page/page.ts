import { ClientError, connect, type InferResult, tensorValues } from 'proofmark/client/web';
import { parseWorkerPolicy } from 'proofmark/verifier';
import { type JsonValue, toHex } from 'proofmark/wire';
import { modelInputs } from './inputs.ts';

/** The host is where this page came from, and policy.json lies beside it: whoever serves both could change both. */
const HERE = new URL('.', location.href).href;

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

function say(kind: 'working' | 'proven' | 'refused', text: string): void {
  const state = element('state');
  state.dataset['kind'] = kind;
  state.textContent = text;
}

async function ask(): Promise<InferResult> {
  const rules = (await (await fetch(`${HERE}policy.json`)).json()) as JsonValue;
  const policy = parseWorkerPolicy(rules);
  const [modelId] = policy.models === 'any' ? [] : policy.models;
  if (modelId === undefined) throw new Error('the policy names no model');
  const client = connect(HERE, { policy });
  const inputs = modelInputs(await client.release(modelId));
  return client.infer({ modelId, inputs, outputs: 'all', format: 'binary' });
}

function show({ response, receipt, worker, release, checks, notProven }: InferResult): void {
  element('values').textContent = response.outputs
    .map((output) => `${output.name} = ${[...tensorValues(output)].join(', ')}`)
    .join('\n');
  const { name, version } = release.manifest;
  fill('proven', [
    ['level', worker.level],
    ['model', `${name} ${version}`],
    ['image', toHex(worker.imageId)],
    ['place', `leaf ${receipt.index} of log ${toHex(receipt.log)}`],
    ['checks', `${checks.filter(({ outcome }) => outcome === 'passed').length} passed`],
  ]);
  element('not-proven').replaceChildren(...notProven.map(({ reason }) => textElement('li', reason)));
  element('answer').hidden = false;
}

function fill(id: string, rows: readonly (readonly [term: string, text: string])[]): void {
  element(id).replaceChildren(...rows.flatMap(([term, text]) => [textElement('dt', term), textElement('dd', text)]));
}

/** Text only: what a stranger wrote never becomes markup. */
function textElement(name: 'dt' | 'dd' | 'li', text: string): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

async function run(): Promise<void> {
  say('working', 'proving the worker, asking, and proving its answer');
  element('answer').hidden = true;
  try {
    show(await ask());
    say('proven', 'everything below was verified in this browser');
  } catch (error) {
    const reason = error instanceof ClientError ? `${error.code}, ${error.reason} (${error.action})` : String(error);
    say('refused', `no answer: ${reason}`);
  }
}

element('ask').addEventListener('click', () => void run());
