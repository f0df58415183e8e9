"""Writes the files of both releases, this folder's and that of `tiny-chat-int8`, from a checkpoint.

    python export.py /tmp/tiny-chat/checkpoint.pt
"""

import argparse
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer

from decoder_graph import decoder_graph
from graph import Precision
from json_file import write_json
from model import Decoder, Shape

HERE = Path(__file__).parent
FOLDERS: dict[Precision, tuple[Path, str]] = {
    "float32": (HERE, "model.onnx"),
    # The name under which transformers.js looks for eight bits.
    "int8": (HERE.parent / "tiny-chat-int8", "model_quantized.onnx"),
}
COPIED = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")
LONGEST_ANSWER = 64


def config_of(shape: Shape, end: int, pad: int) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads,
        "head_dim": shape.head_size,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.epsilon,
        "rope_theta": shape.rope_base,
        "tie_word_embeddings": True,
        "vocab_size": shape.vocabulary,
        "bos_token_id": None,
        "eos_token_id": end,
        "pad_token_id": pad,
        "torch_dtype": "float32",
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    given = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    decoder = Decoder(Shape(tokenizer.get_vocab_size()))
    decoder.load_state_dict(torch.load(given.checkpoint))
    end, pad = (tokenizer.token_to_id(f"<|{name}|>") for name in ("end", "pad"))
    config = config_of(decoder.shape, end, pad)
    generation = {"eos_token_id": end, "pad_token_id": pad, "max_new_tokens": LONGEST_ANSWER, "do_sample": False}
    write_json(HERE / "generation_config.json", generation)
    for precision, (folder, file) in FOLDERS.items():
        (folder / "onnx").mkdir(parents=True, exist_ok=True)
        # transformers.js takes float32 where a folder does not say otherwise.
        more = {"transformers.js_config": {"dtype": "q8"}} if precision == "int8" else {}
        write_json(folder / "config.json", {**config, **more})
        if folder != HERE:
            for name in COPIED:
                shutil.copyfile(HERE / name, folder / name)
        for name, layout in ((file, "concat"), (file.replace("model", "model_split"), "split")):
            content = decoder_graph(decoder, layout, precision)
            (folder / "onnx" / name).write_bytes(content)
            print(f"{folder.name}/onnx/{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
