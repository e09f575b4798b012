"""Encodings that are neither Unicode nor Chinese: guessed by language, said in the report, or named by the user."""

import json

import pytest
from clean_tools import ask, clean_bytes, contents, lines
from typer.testing import CliRunner

from helpers.clean.encoding import guess
from helpers.cli import app
from helpers.errors import InputError

TEXTS = {
    "cp1254": [
        ("Siparişim ne zaman gelecek, üç gündür bekliyorum?", "Kargonuz yarın öğleden sonra kapınızda olacak."),
        ("Şifremi unuttum, ne yapmalıyım?", "Giriş sayfasındaki bağlantıya tıklayın."),
        ("İstanbul'da hava nasıl?", "Güneşli ve ılık, akşama doğru yağmur bekleniyor."),
    ],
    "cp1250": [
        ("Gdzie jest moja paczka? Czekam już tydzień.", "Przesyłka będzie jutro, przepraszamy za opóźnienie."),
        ("Jak zmienić hasło?", "Proszę kliknąć „Ustawienia”, a następnie wybrać „Hasło”."),
        ("Kiedy przyjdzie elektryk?", "W środę między ósmą a dziesiątą."),
    ],
    "iso8859_2": [
        ("Kdy dorazí můj balíček? Čekám už týden.", "Zásilka přijde zítra dopoledne, omlouváme se."),
        ("Jak změním heslo?", "V nastavení účtu zvolte položku Heslo."),
        ("Proč je účet vyšší než obvykle?", "Protože obsahuje také poplatek za doručení."),
    ],
    "cp1257": [
        ("Kada atvyks mano siuntinys? Laukiu jau savaitę.", "Siunta bus rytoj, atsiprašome už vėlavimą."),
        ("Kaip pakeisti slaptažodį?", "Paskyros nustatymuose pasirinkite „Slaptažodis“."),
        ("Kodėl sąskaita didesnė nei įprastai?", "Į ją įtrauktas ir pristatymo mokestis."),
    ],
    "cp1251": [
        ("Где мой заказ? Жду уже неделю.", "Посылка придёт завтра утром, извините за задержку."),
        ("Як змінити пароль?", "Відкрийте налаштування та натисніть «Пароль»."),
        ("Кога ще дойде техникът?", "В сряда между осем и десет часа."),
    ],
    "cp874": [
        ("พัสดุของฉันจะมาถึงเมื่อไหร่", "พัสดุจะถึงพรุ่งนี้เช้า ขออภัยในความล่าช้า"),
        ("เปลี่ยนรหัสผ่านอย่างไร", "ไปที่การตั้งค่าแล้วเลือกรหัสผ่าน"),
        ("ร้านเปิดกี่โมง", "ร้านเปิดเก้าโมงเช้าถึงหกโมงเย็น"),
    ],
    "euc_jp": [
        ("荷物はいつ届きますか。もう一週間待っています。", "明日の午前中にお届けします。遅れて申し訳ございません。"),
        ("パスワードを変えるにはどうすればいいですか。", "設定の画面で「パスワード」を選んでください。"),
        ("お店は何時に開きますか。", "朝九時から夕方六時まで開いています。"),
    ],
    "cp949": [
        ("제 소포는 언제 도착합니까? 벌써 일주일째 기다리고 있습니다.", "내일 오전에 도착할 예정입니다. 늦어서 죄송합니다."),
        ("비밀번호는 어떻게 바꿉니까?", "설정 화면에서 비밀번호를 선택하십시오."),
        ("가게는 몇 시에 엽니까?", "아침 아홉 시부터 저녁 여섯 시까지 엽니다."),
    ],
    "cp1253": [
        ("Πότε θα έρθει το δέμα μου; Περιμένω μια εβδομάδα.", "Το δέμα θα έρθει αύριο το πρωί, συγγνώμη για την καθυστέρηση."),
        ("Πώς αλλάζω τον κωδικό μου;", "Ανοίξτε τις ρυθμίσεις και επιλέξτε «Κωδικός»."),
    ],
    "cp1252": [
        ("Wann kommt mein Päckchen? Ich warte schon länger.", "Es kommt morgen früh, bitte entschuldigen Sie die Verspätung."),
        ("¿Cuándo llegará mi paquete? Llevo una semana esperándolo, señor.", "Llegará mañana, perdón por el retraso."),
        ("Où est mon colis ? J’attends depuis une semaine.", "Il arrivera demain, désolé pour le délai."),
        ("Onde está a minha encomenda?", "As encomendas chegarão amanhã, pedimos desculpa."),
    ],
}  # fmt: skip
TEXTS["shift_jis"] = TEXTS["euc_jp"]
TEXTS["iso2022_jp"] = TEXTS["euc_jp"]


def table(pairs, encoding: str) -> bytes:
    """The rows as a CSV file out of a spreadsheet."""
    return ("question,answer\n" + "".join(f'"{q}","{a}"\n' for q, a in pairs)).encode(encoding)


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("shape", ["jsonl", "csv"])
def test_a_file_of_an_old_encoding_is_read_as_it_was_written(tmp_path, encoding, shape):
    rows = [ask(*pair) for pair in TEXTS[encoding]]
    content = lines(*rows, encoding=encoding) if shape == "jsonl" else table(TEXTS[encoding], encoding)
    report, kept, rejects = clean_bytes(tmp_path, content, f"in.{shape}")
    assert not rejects and [tuple(contents(row)) for row in kept] == TEXTS[encoding]
    told = " ".join(report.text("c", "r").split())
    assert encoding == "iso2022_jp" or "not all Unicode" in told and "--encoding NAME" in told


def test_lines_of_an_old_encoding_among_lines_of_utf8(tmp_path):
    polish = [ask(*pair) for pair in TEXTS["cp1250"]]
    others = [ask("Où est le café ?", "À côté."), ask("手机坏了怎么办？", "请联系客服。"), ask("Где он?", "Здесь.")]
    content = lines(*others) + lines(*polish, encoding="cp1250")
    report, kept, _ = clean_bytes(tmp_path, content)
    assert [contents(row) for row in kept] == [[row["instruction"], row["output"]] for row in others + polish]
    assert report.repairs["encoding_cp1250"] == 3


def test_a_line_of_gbk_in_a_table_of_another_encoding_is_read_as_chinese(tmp_path):
    chinese = ("手机屏幕坏了怎么办？", "请您联系售后客服。")
    for encoding in ("cp1250", "cp1254", "cp1252"):
        pairs = TEXTS[encoding] * 4
        content = table(pairs, encoding) + f'"{chinese[0]}","{chinese[1]}"\n'.encode("gbk")
        _, kept, _ = clean_bytes(tmp_path, content, "in.csv", near_threshold=None)
        assert tuple(contents(kept[-1])) == chinese and len(kept) == len(TEXTS[encoding]) + 1, encoding


def test_unicode_is_not_guessed(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        rows = [ask(*pair) for pair in TEXTS["cp1254"]]
        report, _, _ = clean_bytes(tmp_path, lines(*rows, encoding=encoding))
        assert "GUESSED" not in report.text("c", "r") and report.encodings_guessed == {}


def test_letters_that_several_languages_have_are_western():
    for text in ("Pokémon à la carte", "El avión llegó", "één café", "»Nur Zeichen«"):
        assert guess(text.encode("cp1252")) == ("cp1252", False)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command on bytes: (exit code, what it printed, its questions and answers)."""
    monkeypatch.chdir(tmp_path)

    def run(content: bytes, *options):
        (tmp_path / "in.csv").write_bytes(content)
        command = ["clean", "in.csv", "--out", "c.jsonl", "--rejects", "r.jsonl", "--workers", "1", "--profile", "tiny"]
        done = CliRunner().invoke(app, [*command, *options])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        kept = map(json.loads, (tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines())
        return done.exit_code, done.output, [tuple(contents(row)) for row in kept]

    return run


def test_the_user_names_the_encoding(run, tmp_path):
    pairs = [("Kávé?", "Erős.")]  # Hungarian, or Portuguese in cp1252
    assert run(table(pairs, "cp1250"))[2] != pairs
    code, text, kept = run(table(pairs, "cp1250"), "--encoding", "Windows-1250")
    assert code == 0 and kept == pairs and "GUESSED" not in text and "encoding_cp1250" in text
    assert run(table(TEXTS["euc_jp"], "utf-16"), "--encoding", "utf-16")[2] == TEXTS["euc_jp"]
    assert run(table(pairs, "utf-8-sig"), "--encoding", "utf8")[2] == pairs


def test_the_inputs_encoding_need_not_be_that_of_a_held_out_file(run, tmp_path):
    pairs = TEXTS["cp1254"]
    for encoding in ("utf-8", "cp1254"):
        (tmp_path / "held.csv").write_bytes(table(pairs[:1], encoding))
        _, text, kept = run(table(pairs, "cp1254"), "--encoding", "cp1254", "--holdout", "held.csv")
        assert kept == pairs[1:] and "GUESSED" not in text, encoding


@pytest.mark.parametrize("name", ["cp99999", "base64", "rot13", "a\0b", "../x"])
def test_an_encoding_that_is_none_is_refused(run, name):
    with pytest.raises(InputError, match="--encoding .*: Python knows no encoding of text of this name"):
        run(b"question,answer\na,b\n", "--encoding", name)


def test_bytes_that_do_not_fit_are_named_with_their_line(run, tmp_path):
    content = table(TEXTS["euc_jp"], "euc_jp") + '"Où?","Là."\n'.encode("cp1252")
    with pytest.raises(InputError, match=r"in\.csv:5: these bytes are no euc_jp"):
        run(content, "--encoding", "euc_jp")
    long = b"question,answer\n" + b'"a","b"\n' * 20_000 + b'"\xff","b"\n'
    with pytest.raises(InputError, match=r"in\.csv:20002: these bytes are no utf8 \(ff 22 2c 22\)"):
        run(long, "--encoding", "utf8")
    assert not (tmp_path / "c.jsonl").exists()
