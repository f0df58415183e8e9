import { StartError } from './errors.ts';
import { readOptions } from './options/read.ts';
import { helpText } from './options/table.ts';
import { serveUntilStopped } from './serve.ts';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) process.stdout.write(helpText());
  else await serveUntilStopped(readOptions(args, process.env));
  process.exit(0);
}

main().catch((error: unknown) => {
  const code = error instanceof StartError ? error.code : 'internal';
  const message = error instanceof StartError ? error.message : String((error as { readonly stack?: string })?.stack);
  process.stderr.write(`${JSON.stringify({ event: 'start_failed', code, message })}\n`);
  process.exit(1);
});
