"""Descriptions in words: faults of this field are named, the same words about other software are not."""

import pytest

from helpers import doctor
from helpers.doctor import catalogue
from helpers.doctor.catalogue import plain

FAULTS = {
    "never_stops_generating": [
        "After the fine-tuning the answers go on endlessly, until the token limit",
        "my LoRA chat model asks itself the next question and answers it",
        "微调之后模型自问自答",
    ],
    "garbled_output_after_merge": [
        "The merged model writes 7777777777777777777777 instead of an answer",
        "merging ruined my fine-tuned model, it only writes !!!!!!!!!!!!!!!!",
        "LoRA 合并以后模型输出很混乱",
    ],
    "zero3_empty_adapter": [
        "With DeepSpeed ZeRO-3 the LoRA adapter that is saved has only a few kilobytes",
        "zero3 训练的 lora 保存的权重只有几百K",
    ],
    "could_not_load_model": [
        "I have no access: login fails for the gated Llama model on the hub",
        "The server cannot connect to huggingface, how do I get the weights there?",
    ],
    "no_grad_on_element_0": ["With gradient checkpointing the LoRA weights are not updated, their gradients are None"],
    "token_id_out_of_range": ["I added special tokens to the tokenizer and training fails with a device-side assert"],
    "no_kernel_image": ["Unsloth fails on my RTX 5080, the architecture is too new for this torch"],
    "collective_timeout": [
        "fine-tuning with DeepSpeed on two machines hangs at the first step",
        "eight ranks, after half an hour the watchdog kills the job because an all-reduce timed out",
    ],
    "out_of_memory": [
        "qlora 微调 13B 时进程直接被杀",
        "running into oom finetuning with lora, llama 2 70b on eight cards",
        "7B QLoRA on a 12 GB 3060 dies in the first backward pass, GPU memory is full",
    ],
    "assistant_mask_empty": ["with assistant_only_loss=True every label is -100, the template's mask is all zeros"],
    "bitsandbytes_unusable": ["8bit加载时说bitsandbytes没有GPU支持,cuda是装好了的"],
    "unknown_architecture": ["transformers不认识qwen3这个架构,报KeyError"],
    "ragged_batch": ["数据长度不一样,组batch的时候报错,说要开padding和truncation"],
    "unicode_decode_error": ["训练数据的字符编码报错，怎么处理？"],  # noqa: RUF001
    "image_tokens_mismatch": ["Qwen2-VL: the image features and tokens do not match while training"],
    "accelerate_missing": ["The HF Trainer tells me to install accelerate although I already did it in this Colab"],
    "checkpoint_not_resumable": [
        "My run was interrupted and now resuming from the last checkpoint folder gives an error",
        "When I resume my LoRA training the step counter starts from 0 again",
        "接着上次的checkpoint训练，报optimizer参数组数量不一致",  # noqa: RUF001
    ],
    "cuda_not_available": ["My torch in the venv is the CPU build, training does not use the GPU"],
    "dataset_schema": [
        "load_dataset on my jsonl fails since some rows have a number where others have a string",
        "加载json数据集报错，同一个字段有的是字符串有的是列表",  # noqa: RUF001
    ],
    "empty_training_set": ["数据处理完训练集变成空的了，num_samples=0"],  # noqa: RUF001
    "invalid_device_ordinal": ["设置了CUDA_VISIBLE_DEVICES=3，代码里写cuda:3就报错找不到设备"],  # noqa: RUF001
    "loss_is_nan": ["Training loss is 0.0 from the first step with fp16 on a T4"],
    "missing_input_ids": ["SFTTrainer找不到text字段，我的数据集列名是content"],  # noqa: RUF001
    "missing_main_guard": ["On Windows the dataset.map with num_proc starts my script again and again"],
    "peft_applied_twice": ["重复执行notebook单元后，模型套了两层lora"],  # noqa: RUF001
    "precision_not_supported": ["Kaggle T4: bf16 not supported, what should I set?"],
    "response_marker_missing": ["train_on_responses_only 之后所有label都是-100"],
    "roles_must_alternate": ["Mistral的模板要求user和assistant交替，我的数据有两条连续的user，报错"],  # noqa: RUF001
    "tensors_on_different_devices": [
        "推理的时候输入在cpu模型在gpu，报错",  # noqa: RUF001
        "device_map auto over two cards, forward says tensors on cuda:0 and cuda:1",
    ],
    "tokenizer_from_newer_version": [
        "The tokenizer I saved with transformers 5 cannot be loaded with transformers 4.50"
    ],
    "torchao_too_old": ["peft complains that the torchao in Colab is too old"],
    "unable_to_open_file": ["下载的safetensors文件只有几百字节，加载失败"],  # noqa: RUF001
    "unexpected_keyword_argument": ["TrainingArguments不认识evaluation_strategy这个参数"],
    "adapter_without_effect": [
        "LoRA fine-tuned model gives the same output as the base model",
        "合并后效果和没训练一样",
        "微调完用vllm部署，问训练集里的问题，回答跟原模型一样",  # noqa: RUF001
        "I merged the adapter and gave it to Ollama, but the fine-tuning has no effect: it answers the same as before",
    ],
    "loss_does_not_fall": [
        "训练loss震荡不收敛",
        "LoRA微调，loss一直不下降，维持在2.5左右",  # noqa: RUF001
        "My training loss is not decreasing while fine-tuning Llama 3 with LoRA",
        "SFT of Qwen: after two hundred steps the loss goes up again and stays high",
    ],
    "port_in_use": [
        "llamafactory webui打不开,端口被占用",
        "torchrun says that port 29500 is already in use, I want to start a second run",
    ],
    "shared_memory_too_small": ["docker里微调，dataloader报共享内存不足"],  # noqa: RUF001
    "dataset_not_registered": ["LLaMA-Factory webui里看不到我的数据集，dataset_info.json已经改了"],  # noqa: RUF001
    "gguf_converter_too_old": ["ollama create on my merged Qwen3-VL: unsupported architecture"],
    "nccl_failed": ["四卡训练qwen时NCCL报错 unhandled system error"],
    "compiled_for_another_torch": ["升级torch之后import vllm报undefined symbol"],
    "package_not_installed": ["Unsloth on Windows: it says there is no module named triton"],
    "wandb_without_key": [
        "The job on the cluster stops since wandb asks for an API key",
        "nohup训练时卡在wandb选择界面",
    ],
}
ELSEWHERE = """My Minecraft server runs out of memory when players load new chunks, it gets killed after an hour.
The nginx container is killed by the kernel, memory usage goes up when it loads the cache.
git merge produced garbage in my README, the conflict markers are everywhere and the output of git diff is weird.
After merging two branches the model classes in Rails are broken and the tests fail at random.
My tests hang forever in CI with the distributed runner, no output after that.
The disk is full, I cannot save anything, the cache grew to 100 GB.
Our web shop keeps going in an infinite loop of redirects, the output does not stop.
CSV import fails: some rows have different columns than the header, the parser gives an error.
My game does not detect the GPU, it uses the integrated one.
ffmpeg: encoding error when I read the file, invalid data found.
The system prompt of Windows is not supported in this template of PowerShell.
I get permission denied when I access the private repo on GitLab with a token.
Login fails with 401 although the access token is set, private model registry.
Spark executors are killed with exit code 137 while loading parquet.
The texture tokens and image do not match.
The resume feature of the download manager does not work, it restarts from the beginning at each checkpoint.
I cannot resume my Terraform apply, the checkpoint is missing.
The number of images in the gallery does not match the number of placeholders.
The RTX 5080 driver is not compatible with my kernel 6.8.
bash: killed: 9 while loading shared libraries
The device of my tensor product calculator shows different input.
合并单元格之后导出的表格很乱,怎么办
数据库磁盘满了,无法保存数据
程序一直输出日志,停不下来
打印机一直输出空白页,停不下来
视频编码错误,播放失败
我的服务器内存不足,tomcat 被杀
图片数量不一致,token 失效
驱动版本太低,游戏打不开
My ResNet classifier's loss is nan after the second epoch
After some epochs the loss of the Keras model becomes NaN
CNN训练loss为nan
YOLO标签越界,训练报错
tensorflow检测不到显卡
paddle训练时显存不足
The GAN generator goes out of memory on my card
mlx lora fine-tuning crashes on my Mac, out of memory
The nms operator was moved to torchvision.ops, the diffusion model fails to import torch
RL agent in gym: loss becomes nan
kohya_ss训练LoRA图片,avr_loss=nan
My segmentation U-Net runs out of CUDA memory
loss becomes nan after 40 epochs, my network has three conv layers
多卡训练时卡住，GPU占用率100%，自定义的检测网络
My training is stuck with several GPUs, one card is at 0 %, the others at 100 %
Training on ImageNet: my validation loss does not go down
My loss does not go down when I train a lora of flux
目标检测训练loss一直不下降
Excel合并单元格后公式没有效果
前端启动报端口3000被占用
GPT4All: chat template errors, the model does not work
java.lang.OutOfMemoryError: Java heap space
TypeError: __init__() got an unexpected keyword argument 'serialized_options'""".splitlines()
# What is no fault of the catalogue's, from people who fine-tune.
NO_CASE = """which target modules should I choose for Qwen2.5
If GPTQ is not supported by unsloth, what can I do?
1- Can I fine-tune a GPTQ model with unsloth and save the adapter? 2- If fine-tuning GPTQ fails, what can I do
请问训练数据设定gbk编码是必须的么？我的数据是utf-8的
微调后的模型比原模型还差,怎么回事
GPU utilization is only 30% during LoRA training
微调llama3-70b需要多少显存
does flash attention change the results of fine-tuning?
I solved the NaN loss by switching to bf16
OOM问题已解决,把batch size改成1就可以了
With GRPO the logged loss stays at 0.0 although reward_std is 0.7 and grad_norm is 0.2
GRPO 训练 loss 一直为 0,但是 reward 在上升
{'loss': 0.0, 'grad_norm': 0.0831, 'learning_rate': 9.8e-07, 'kl': 0.0004, 'epoch': 0.01}
验证集loss不下降，训练集loss一直在降
Please add support for LoRA with DoRA in vLLM
packing没有效果，训练速度没有变化
The reward does not increase in GRPO, the loss stays near zero
eval loss goes up after epoch 1 while train loss goes down, is it overfitting?
直接load adapter推理，结果和merge后的模型一样，这是为啥
pip cannot resolve the dependencies of axolotl""".splitlines()  # noqa: RUF001
BUILDS = "training LoRA: error: subprocess-exited-with-error\nERROR: Failed building wheel for tokenizers, version"


@pytest.mark.parametrize(("case", "said"), [(case, said) for case, all_said in FAULTS.items() for said in all_said])
def test_a_fault_told_in_words(case, said):
    assert doctor.diagnose(said).case == case


@pytest.mark.parametrize(
    ("said", "case"),
    [
        ("用webui训练时OOM了，llama 7B", "out_of_memory"),  # noqa: RUF001
        ("Fine-tuning Llama on java classes: loss is nan", "loss_is_nan"),
        ("Fine-tuned Qwen for mysql queries, the output never stops", "never_stops_generating"),
        ("Our community wants to fine-tune Llama, the loss is nan", "loss_is_nan"),
        ("Tensorflow version (GPU?): not installed (NA)\nMy LoRA loss is nan", "loss_is_nan"),
    ],
)
def test_a_word_of_other_software_beside_one_of_ours_is_what_the_model_is_for(said, case):
    assert doctor.diagnose(said).case == case


@pytest.mark.parametrize("said", NO_CASE)
def test_what_is_no_fault_of_these_is_given_no_name(said):
    assert doctor.diagnose(said).case is None


@pytest.mark.parametrize("said", [*ELSEWHERE, BUILDS])
def test_the_same_words_about_other_software(said):
    assert doctor.diagnose(said).case is None


def test_in_a_longer_text_the_lines_of_programs_and_logs_are_not_words():
    settings = "".join(f"--option_{n} value_{n} --path /data/run_{n}/x\n" for n in range(30))
    assert doctor.diagnose(settings + "After fine-tuning the model does not stop, it answers forever").case == (
        "never_stops_generating"
    )
    assert (
        doctor.diagnose(settings + "--model llama --stop=never --does_not_stop --answers=forever --lora").case is None
    )


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("有大佬解决了这个问题不", True),
        ("有人解决了吗", True),
        ("has anybody solved this?", True),
        ("这个问题解决了", False),
    ],
)
def test_who_asks_whether_it_is_solved_has_not_solved_it(asked, named):
    report = f"ValueError: Attempting to unscale FP16 gradients.\n{asked}"
    assert (doctor.diagnose(report).case == "fp16_gradients_unscaled") is named


@pytest.mark.parametrize("entry", ["it doesn't start", "it does not start"])
@pytest.mark.parametrize("said", ["it doesn't start", "it does not start", "it doesnt start"])
def test_a_negation_is_found_however_it_is_spelled(entry, said):
    assert 0 in catalogue.symptom(entry).find(plain(said))
    assert not list(catalogue.symptom(entry).find(plain("it does start")))


@pytest.mark.parametrize(
    ("entry", "said"),
    [("can't load", "cannot load"), ("cannot load", "can not load"), ("won't stop", "will not stop")],
)
def test_so_are_those_of_other_verbs(entry, said):
    assert 0 in catalogue.symptom(entry).find(plain(said))


@pytest.mark.parametrize("said", ["hugging face timeout", "huggingface timeout", "Hugging  Face 连接超时"])
def test_a_name_is_found_with_and_without_its_space(said):
    assert 0 in catalogue.symptom("huggingface & timeout|连接超时").find(plain(said))


@pytest.mark.parametrize(
    ("report", "case"),
    [
        # Whether a description is a question is asked of the sentence that the words stand in, not of its line.
        ("How do I go on? There is no config.json where I load the fine-tuned model from.", "unable_to_open_file"),
        ("My fine-tuned model is there. How do I load one that has no config.json?", None),
        ("我用bf16训练的LoRA，能在不支持bf16的卡上跑吗？", None),
        ("V100不支持bf16，训练时报错", "precision_not_supported"),
    ],
)
def test_the_sentence_decides_whether_it_is_a_question(report, case):
    assert doctor.diagnose(report).case == case


def test_a_windows_path_within_a_command_that_was_printed():
    command = ["C:\\mingw\\gcc.exe", "C:\\venv\\Lib\\site-packages\\triton\\common\\main.c", "-lcuda"]
    told = f"subprocess.CalledProcessError: Command '{command}' returned non-zero exit status 1."
    assert "\\\\" in told and doctor.diagnose(told).case == "no_c_compiler"
    assert doctor.diagnose(told.replace("triton", "quartz")).case is None


OTHERS_SAY = [
    ("ValueError: Loading lora a failed: No adapter found for /data/out/checkpoint-8", "unable_to_open_file"),
    ("RuntimeError: This device does not support bfloat16, use float16", "precision_not_supported"),
    ("ValueError: Cannot flatten integer dtype tensors", "fsdp_uniform_dtype"),
    ("AttributeError: module 'bitsandbytes.nn' has no attribute 'Params4bit'", "bitsandbytes_unusable"),
    (
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='cdn-lfs-us-1.hf.co', port=443): Read timed out.",
        "could_not_load_model",
    ),
    ("JSON parse error: Column(/answer) changed from string to array", "dataset_schema"),
    ("RuntimeError: Expected is_sm80 || is_sm90 to be true, but got false.", "flash_attention_missing"),
    ("convert.py, line 7, in convert\n    SAFETENSORS_DATA_TYPES[kind]\nKeyError: 'U8'", "gguf_of_quantized_weights"),
    ("KeyError: 'U8'", None),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/srv/app/config.json'", None),
    (
        "the tokenizer of the checkpoint\nFileNotFoundError: [Errno 2] No such file or directory: 'run/config.json'",
        "unable_to_open_file",
    ),
    ("return torch.embedding(weight, ids)\nRuntimeError: index out of range at /aten/x.cpp:3", "token_id_out_of_range"),
    ("panic: runtime error: index out of range [3] with length 3", None),
    ("训练保存的目录里没有config.json，模型加载不了", "unable_to_open_file"),
    ("双卡微调，第一步就卡住不动", "collective_timeout"),
    ("The stop token is never emitted by the fine-tuned model", "never_stops_generating"),
]


@pytest.mark.parametrize(("report", "case"), OTHERS_SAY)
def test_what_others_than_the_libraries_say(report, case):
    assert doctor.diagnose(report).case == case
