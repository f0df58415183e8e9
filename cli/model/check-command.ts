import { parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { jsonLine } from '../report.ts';
import { checkModel, type Depth } from './check.ts';
import { renderCheck } from './render-check.ts';
import { openSubject } from './subject.ts';

export async function check(context: CommandContext): Promise<number> {
  const flag = { type: 'boolean' } as const;
  const parsed = parseArguments(context.args, { json: flag, run: flag, 'read-only': flag, kind: { type: 'string' } });
  const [path, ...more] = parsed.positionals;
  if (path === undefined || more.length > 0) throw new UsageError('model check: name one folder or .onnx file');
  const kind = textOption(parsed, 'kind');
  if (kind !== undefined && kind !== 'tensor' && kind !== 'text-generation') {
    throw new UsageError(`--kind ${kind} is not tensor or text-generation`);
  }
  const report = await checkModel(await openSubject(path, kind), depthOf(parsed.values));
  if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify(report)));
  else context.write(renderCheck(report, context.style));
  return report.verdict === 'loads' ? exitCode.accepted : exitCode.failed;
}

function depthOf(values: Readonly<Record<string, unknown>>): Depth {
  if (values['run'] === true && values['read-only'] === true) {
    throw new UsageError('--run and --read-only exclude each other');
  }
  if (values['run'] === true) return 'run';
  return values['read-only'] === true ? 'read' : 'load';
}
