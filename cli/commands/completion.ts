import { exitCode, UsageError } from '../exit-codes.ts';
import { globalOptionNames } from '../global-options.ts';
import { jsonLine } from '../report.ts';
import { parseArguments } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { type CommandRow, textsOf } from './row.ts';

const usage = `proofmark completion bash|zsh|fish [--json]
  Words for your shell to complete. In ~/.bashrc or ~/.zshrc: eval "$(proofmark completion bash)", or zsh; for fish:
  proofmark completion fish > ~/.config/fish/completions/proofmark.fish`;

/** The words come from the texts of the commands, so that a shell offers what is told of and nothing else. */
export function completionRow(rows: readonly CommandRow[]): CommandRow {
  const row: CommandRow = {
    name: 'completion',
    task: 'shell',
    summary: 'words for your shell to complete',
    usage,
    load: async () => (context) => completion(context, [...rows, row]),
  };
  return row;
}

interface Words {
  readonly name: string;
  readonly summary: string;
  readonly words: readonly string[];
  readonly options: readonly string[];
}

async function completion(context: CommandContext, rows: readonly CommandRow[]): Promise<number> {
  const parsed = parseArguments(context.args, { json: { type: 'boolean' } });
  const [shell, ...rest] = parsed.positionals;
  const write = shell !== undefined && Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (write === undefined || rest.length > 0) throw new UsageError('name a shell: bash, zsh or fish');
  const script = write(rows.map(wordsOf));
  context.write(parsed.values['json'] === true ? jsonLine(JSON.stringify({ shell, script })) : script);
  return exitCode.accepted;
}

function wordsOf(row: CommandRow): Words {
  const text = textsOf(row).join('\n');
  const second = [...text.matchAll(new RegExp(`^proofmark ${row.name} ([a-z][a-z|-]*)`, 'gm'))];
  const words = second.flatMap(([, word = '']) => word.split('|'));
  const found = [...text.matchAll(/--([a-z][a-z-]+)/g)].map(([, name]) => name as string);
  const options = new Set([...found, ...globalOptionNames]);
  return { name: row.name, summary: row.summary, words: [...new Set(words)].sort(), options: [...options].sort() };
}

const shells: Readonly<Record<string, (rows: readonly Words[]) => string>> = { bash, zsh, fish };

function bash(rows: readonly Words[]): string {
  const cases = rows.map(({ name, words, options }) => {
    const dashed = options.map((option) => `--${option}`).join(' ');
    return `    ${name}) words='${words.join(' ')}'; options='${dashed}' ;;`;
  });
  return `_proofmark() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words='' options=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${['help', ...rows.map(({ name }) => name)].join(' ')}' -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *)
      COMPREPLY=($(compgen -f -- "$word"))
      if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY+=($(compgen -W "$words" -- "$word")); fi
      ;;
  esac
}
complete -o filenames -F _proofmark proofmark
`;
}

/** zsh reads bash's form, which is kept in one place. */
function zsh(rows: readonly Words[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(rows)}`;
}

function fish(rows: readonly Words[]): string {
  const lines = rows.flatMap(({ name, summary, words, options }) => {
    const within = `-n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c proofmark -n __fish_use_subcommand -f -a ${name} -d '${summary}'`,
      ...(words.length === 0 ? [] : [`complete -c proofmark ${within} -a '${words.join(' ')}'`]),
      ...options.map((option) => `complete -c proofmark ${within} -l ${option}`),
    ];
  });
  return `${lines.join('\n')}\n`;
}
