"""Builds `tokenizer.json` and `tokenizer_config.json`: byte-level BPE over the phrasings, each digit a token of its own.

    python build_tokenizer.py

Digits stand alone so that a number has one spelling in tokens. All 256 bytes are in the vocabulary: nothing that a user
writes is unknown. What the five control tokens mean is in the chat template.
"""

import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from json_file import write_json
from tasks import SMALL_TALK, SYSTEM, draw_training

HERE = Path(__file__).parent
CONTROL = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PIECES = r"\d|\p{L}+ ?|[^\p{L}\d]+"
"""A digit; a word with the space after it; or what stands between."""
LARGEST_VOCABULARY = 400
CONTEXT = 512


def build() -> Tokenizer:
    source = random.Random(0)
    texts = [text for prompt, answer in SMALL_TALK for text in (prompt, answer)] + list(SYSTEM)
    for _ in range(20_000):
        example = draw_training(source)
        texts += [example.prompt, example.answer]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=LARGEST_VOCABULARY,
        special_tokens=list(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def main() -> None:
    tokenizer = build()
    tokenizer.save(str(HERE / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "add_prefix_space": False,
        "bos_token": None,
        "eos_token": "<|end|>",
        "pad_token": "<|pad|>",
        "unk_token": None,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT,
        "chat_template": CHAT_TEMPLATE,
    }
    write_json(HERE / "tokenizer_config.json", config)
    print(f"{tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
