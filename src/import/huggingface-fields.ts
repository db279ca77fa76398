import { all, type FieldTable } from "./fields.ts";

/**
 * What any config of transformers may hold: where it comes from, what the library does with it, how it is trained, and
 * what is for generating text, which old versions wrote to every config. Source: transformers configuration_utils.py.
 */
const common = `
  _name_or_path name_or_path _commit_hash _attn_implementation _attn_implementation_autoset attn_implementation
  transformers_version torch_dtype dtype torchscript use_bfloat16 tf_legacy_loss return_dict use_return_dict
  output_attentions output_hidden_states gradient_checkpointing initializer_range finetuning_task
  task_specific_params label2id chunk_size_feed_forward pruned_heads tie_encoder_decoder tie_word_embeddings
  is_decoder is_encoder_decoder add_cross_attention cross_attention_hidden_size use_cache tokenizer_class
  prefix bos_token_id pad_token_id eos_token_id sep_token_id decoder_start_token_id bad_words_ids
  begin_suppress_tokens suppress_tokens forced_bos_token_id forced_eos_token_id max_length min_length
  do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p typical_p
  epsilon_cutoff eta_cutoff repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size
  num_return_sequences output_scores return_dict_in_generate remove_invalid_values
  exponential_decay_length_penalty transformers.js_config license`;

export const transformersFields: FieldTable = {
  ...all("harmless", common.trim().split(/\s+/)),
  ...all("read", ["architectures", "model_type", "id2label", "num_labels", "problem_type"]),
};

/** Source: transformers configuration_convnext.py, configuration_convnextv2.py. */
export const convnextFields: FieldTable = {
  ...transformersFields,
  ...all("read", ["depths", "hidden_sizes", "num_stages", "hidden_act", "layer_norm_eps", "layer_scale_init_value"]),
  ...all("read", ["patch_size", "num_channels", "image_size", "out_features", "out_indices"]),
  // Stages are counted whatever they are called; a path is dropped only in training.
  ...all("harmless", ["stage_names", "drop_path_rate"]),
};
