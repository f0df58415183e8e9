import { limits } from '../../../../../../wire/limits.ts';

/** How an answer is to be made, as a form holds it. */
export interface WishTexts {
  readonly system: string;
  readonly temperature: string;
  readonly seed: string;
  readonly maxTokens: string;
}

/** What goes into a call; undefined leaves it to the release. */
export interface Wishes {
  readonly system: string | undefined;
  readonly temperature: number | undefined;
  /** Undefined: one is drawn for each answer. */
  readonly seed: number | undefined;
  readonly maxTokens: number | undefined;
}

export type WishProblems = Readonly<Partial<Record<keyof WishTexts, string>>>;

export const noWishes: WishTexts = { system: '', temperature: '', seed: '', maxTokens: '' };

interface Bounds {
  readonly pattern: RegExp;
  readonly least: number;
  readonly most: number;
}

const bounds: Readonly<Record<'temperature' | 'seed' | 'maxTokens', Bounds>> = {
  temperature: { pattern: /^\d(\.\d{1,6})?$/, least: 0, most: 2 },
  seed: { pattern: /^\d{1,16}$/, least: 0, most: Number.MAX_SAFE_INTEGER },
  maxTokens: { pattern: /^\d{1,7}$/, least: 1, most: limits.generatedTokens },
};

/** Said before anything is sent, beside the field that it is about. */
export function readWishes(texts: WishTexts): { readonly wishes: Wishes; readonly problems: WishProblems } {
  const problems: Partial<Record<keyof WishTexts, string>> = {};
  const number = (name: keyof typeof bounds): number | undefined => {
    const text = texts[name].trim();
    if (text === '') return undefined;
    const { pattern, least, most } = bounds[name];
    const value = Number(text);
    if (pattern.test(text) && value >= least && value <= most) return value;
    problems[name] = `not a ${name === 'temperature' ? 'number' : 'whole number'} from ${least} to ${most}`;
    return undefined;
  };
  const wishes: Wishes = {
    system: texts.system.trim() === '' ? undefined : texts.system,
    temperature: number('temperature'),
    seed: number('seed'),
    maxTokens: number('maxTokens'),
  };
  return { wishes, problems };
}
