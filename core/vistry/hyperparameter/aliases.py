"""What other tools call things: the names of their flags, and ours for the same, for the errors about unknown names.

The names are those of the field's training scripts and libraries: PyTorch Image Models, Ultralytics, Detectron2,
MMDetection, Keras, Lightning and Hugging Face's Trainer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vistry.errors import suggestion

# Hyperparameters by ours; where several mean it, each for its own models.
_HYPERPARAMETERS = {
    (
        "number_of_epochs",
    ): "epochs epoch num_epochs n_epochs nb_epochs nepochs max_epochs total_epochs num_train_epochs",
    ("training_batch_size",): (
        "batch_size batch bs b batchsize train_batch_size train_batch per_device_train_batch_size ims_per_batch "
        "samples_per_gpu batch_size_train mini_batch_size images_per_batch"
    ),
    ("validation_batch_size",): (
        "val_batch_size valid_batch_size eval_batch_size test_batch_size per_device_eval_batch_size batch_size_val "
        "val_batch"
    ),
    ("learning_rate",): "lr lr0 base_lr init_lr initial_lr initial_learning_rate start_lr max_lr lr_init eta",
    (
        "learning_rate_scheduler",
    ): "scheduler lr_scheduler lr_schedule sched lr_scheduler_type schedule cos_lr lr_policy",
    ("warmup_cosine_lr_warmup_epochs",): "warmup warmup_epochs lr_warmup warmup_epoch warmup_steps warmup_iters",
    ("step_lr_gamma",): "gamma lr_gamma lr_decay lr_decay_rate decay_rate lr_factor",
    ("step_lr_step_size",): "step_size lr_step_size lr_steps lr_step decay_epochs lr_milestones milestones",
    ("optimizer",): "opt optim optimiser optimizer_type optimizer_name solver",
    ("momentum",): "sgd_momentum opt_momentum mom",
    ("weight_decay",): "wd l2 weightdecay l2_reg decay",
    ("beta1",): "adam_beta1 b1",
    ("beta2",): "adam_beta2 b2",
    ("ams_gradient",): "amsgrad use_amsgrad",
    ("nesterov",): "use_nesterov sgd_nesterov",
    ("early_stopping",): "early_stop use_early_stopping",
    ("early_stopping_patience",): "patience early_stop_patience es_patience early_stopping_rounds",
    ("gradient_accumulation_step",): (
        "accumulate accumulation_steps grad_accum grad_accum_steps gradient_accumulation gradient_accumulation_steps "
        "accumulate_grad_batches accum_iter nbs"
    ),
    (
        "number_of_workers",
    ): "workers num_workers n_workers nw dataloader_num_workers num_threads threads j loader_workers",
    ("random_seed",): "seed manual_seed rng_seed random_state",
    ("deterministic",): "reproducible cudnn_deterministic",
    ("training_crop_size", "min_size", "image_size"): (
        "imgsz img_size image_size img imgsize input_size resolution size img_sz imsize image_resolution"
    ),
    ("training_crop_size",): "crop_size train_crop_size random_crop crop",
    ("validation_crop_size",): "val_crop_size eval_crop_size center_crop",
    ("validation_resize_size",): "val_resize_size resize_size resize val_resize",
    ("layers_to_freeze",): "freeze freeze_layers frozen_layers freeze_at num_freeze_layers",
    ("weights",): "pretrained pretrain pretrained_weights initial_checkpoint init_weights load_weights use_pretrained",
    ("checkpoint_run_id",): "checkpoint ckpt ckpt_path finetune finetune_from load_from warm_start",
    ("precision",): "amp use_amp fp16 bf16 half mixed_precision dtype",
    (
        "box_score_threshold",
    ): "conf conf_thres conf_threshold confidence confidence_threshold score_threshold score_thresh",
    ("nms_iou_threshold",): "iou iou_thres iou_threshold nms nms_threshold nms_thresh nms_iou",
    ("box_detections_per_image",): "max_det max_dets max_detections detections_per_img detections_per_image",
    (
        "evaluation_frequency",
    ): "eval_freq eval_interval val_interval val_freq val_period check_val_every_n_epoch eval_every",
    ("checkpoint_frequency",): "save_period save_freq save_interval save_every checkpoint_interval save_steps",
    ("apply_augmentations",): "augment augmentation augmentations aug auto_augment",
    ("apply_mosaic",): "mosaic",
    ("multi_scale",): "multiscale ms_train",
    ("weighted_loss",): "class_weights class_weight use_class_weights loss_weights balanced",
    ("validation_metric_type",): "metric_type eval_type",
}
# Options of commands that aren't hyperparameters.
_OPTIONS = {
    "data": "dataset dataset_dir data_dir data_path datapath root root_dir train_data train_dir train_path img_dir",
    "validation": "val val_data val_dir valid valid_dir validation_data validation_dir val_path test_data eval_data",
    "validation-size": "val_split valid_split val_size test_size validation_split val_fraction val_ratio holdout",
    "model": "arch architecture model_name net network backbone cfg model_type",
    "primary-metric": "metric monitor eval_metric best_metric metric_for_best_model",
    "config": "hyp config_file yaml cfg_file",
    "output": "out out_dir output_dir outdir save_dir save_path project exp_dir work_dir logdir log_dir runs_dir dest",
    "time-limit": "max_time timeout time_budget max_hours training_time time_limit_s",
    "max-trials": "n_trials num_trials num_samples iterations count run_cap trials max_evals n_iter",
    "max-concurrent-trials": "n_jobs concurrency concurrent_trials max_concurrent parallel_trials jobs",
    "sampler": "search_alg sampling_algorithm searcher",
    "stopping": "pruner early_termination policy",
    "dry-run": "dryrun fast_dev_run dry",
    "backend": "engine framework",
    "task": "task_type problem problem_type mode",
    "format": "data_format dataset_format annotation_format",
}
_DEVICE = "a GPU is used where there is one, and CUDA_VISIBLE_DEVICES=1 before the command chooses among several"
_CLASSES = "the classes are those of the data"
_RESUME = "to go on with a run type: vistry resume RUN"
# What is set nowhere, and why.
_NOTES = {
    _DEVICE: "device devices gpu gpus gpu_id gpu_ids device_ids cuda no_cuda accelerator cpu num_gpus",
    _CLASSES: "nc num_classes n_classes classes num_labels",
    _RESUME: "resume resume_from resume_from_checkpoint auto_resume continue_training",
}


def equivalents(name: str) -> tuple[str, ...]:
    """Our hyperparameters for another tool's name of them, none for a name that isn't known."""
    wanted = _plain(name)
    return tuple(ours for names, others in _HYPERPARAMETERS.items() if wanted in others.split() for ours in names)


def equivalent_option(name: str) -> str:
    """Our option, as `--output`, for another tool's name of it, or nothing."""
    wanted = _plain(name)
    return next((f"--{ours}" for ours, others in _OPTIONS.items() if wanted in others.split()), "")


def note_on(name: str) -> str:
    """Why what other tools call so isn't set here, or nothing."""
    wanted = _plain(name)
    return next((note for note, others in _NOTES.items() if wanted in others.split()), "")


def meant(name: str, known: Collection[str]) -> str:
    """The end of an error sentence about an unknown hyperparameter: what is meant by it, of those that are known."""
    ours = [candidate for candidate in equivalents(name) if candidate in known]
    if ours:
        return f"did you mean {_alternatives(list(map(repr, ours)))}?"
    if note := note_on(name):
        return note
    if option := equivalent_option(name):
        return f"it isn't a hyperparameter: type {option}, in Python {_plain(option)}="
    return suggestion(name, list(known))


def meant_options(name: str, known: Collection[str]) -> list[str]:
    """Our options, written as `--output`, for another tool's name of one, of those that are known."""
    option = equivalent_option(name)
    candidates = [f"--{ours}" for ours in equivalents(name)] + ([option] if option else [])
    return [candidate for candidate in candidates if candidate in known]


def meant_option(name: str, known: Collection[str]) -> str:
    """The end of an error sentence about an unknown option, nothing where no other tool has the name."""
    ours = meant_options(name, known)
    return f"did you mean {_alternatives(ours)}?" if ours else note_on(name)


def _alternatives(names: Sequence[str]) -> str:
    return " or ".join([part for part in (", ".join(names[:-1]), names[-1]) if part])


def _plain(name: str) -> str:
    return name.strip("-").replace("-", "_").lower()
