// Their own declarations do not compile under this project's module resolution (TS2834), and are loaded by any import that
// TypeScript reads; what is used of them is declared in packages.d.mts.
export { Template } from '@huggingface/jinja';
export { Tokenizer } from '@huggingface/tokenizers';
