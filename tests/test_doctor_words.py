"""Descriptions in words: faults of this field are named, the same words about other software are not."""

import pytest

from helpers import doctor

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
    "collective_timeout": ["fine-tuning with DeepSpeed on two machines hangs at the first step"],
    "out_of_memory": ["qlora 微调 13B 时进程直接被杀"],
    "unicode_decode_error": ["训练数据的字符编码报错，怎么处理？"],  # noqa: RUF001
    "image_tokens_mismatch": ["Qwen2-VL: the image features and tokens do not match while training"],
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
驱动版本太低,游戏打不开""".splitlines()
BUILDS = "training LoRA: error: subprocess-exited-with-error\nERROR: Failed building wheel for tokenizers, version"


@pytest.mark.parametrize(("case", "said"), [(case, said) for case, all_said in FAULTS.items() for said in all_said])
def test_a_fault_told_in_words(case, said):
    assert doctor.diagnose(said).case == case


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
