"""Makes data/runs/learned.json, runs of notebooks 04, 06 and 07: `python -m tools.build_learned` (an hour).

What comes of 400 held-out tickets, copied and learned fields apart: from prompts and a parser, from questions to the
base and the rules of somebody who knows the policy, from a classifier of words (scikit-learn), from an adapter; how the
adapter came to it, step by step, on other tickets; what shorter runs at other rates make of some of them, and what runs
on fewer past tickets. With NAME (adapter, prompt, rates, rules, sizes, tfidf) and options, a trial of that one alone:
it is printed, and nothing is written.
"""

import argparse
import importlib.metadata
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from transformers import TrainerCallback

from helpers import DATA
from helpers.chats import COPIED, INSTRUCTION, LEARNED, prompt_messages, read_questions, task_messages
from helpers.evaluation import parse_listing, parse_object, same_value, score_extraction
from helpers.files import save_json
from helpers.inference import generate
from helpers.models import base_identity, load_adapter, load_base, load_tokenizer
from helpers.profiles import PROFILES
from helpers.sweeps import CARDS
from helpers.training import fine_tune
from tools.tickets.learned import CompanyTicket, company_tickets, is_new_combination
from tools.tickets.policy import COMPANY, CONDITIONS
from tools.tickets.skilled import Facts
from tools.tickets.skills import held_out_skills

CARD = CARDS / "learned.json"
PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "scikit-learn")
TRAINING_ROWS, EXAMPLES, SCORED, WATCHED = 2700, 4, 400, 100
FACTORS, SHORT, FEW = (0.1, 0.3, 1, 3, 10), 240, 120  # of the rate; steps and tickets of the runs at other rates
SIZES = (30, 90, 270, 900, TRAINING_ROWS)
FACTS = {
    "kind": "What kind of complaint is it?",
    "group": "Which group does the product belong to?",
    "wish": "What does the customer want?",
    "deadline": "Is there a deadline?",
}
ASKED = {
    "customer": "What is the customer's name?",
    "order_id": "What is the order number?",
    "quantity": "What is the quantity?",
    "product": "What is the product?",
    "issue": "What is the problem?",
}


def summary(answers: list[str], tickets: list[CompanyTicket], parse=parse_object) -> dict:
    """Shares of right answers, in all and by field, and what the learned fields depend on: how often they were wrong by
    language, [right, all] of the priority by the conditions that hold, of the category by whether the pair of group and
    kind is new."""
    truths = [ticket.fields for ticket in tickets]
    scores = score_extraction(answers, truths, parse)
    by_field = {name: round(share.value, 3) for name, share in scores.by_field.items()}
    wrong: dict[str, Counter] = {name: Counter() for name in LEARNED}
    language = Counter()
    by_condition: dict[str, list[int]] = {}
    for answer, truth, ticket in zip(answers, truths, tickets):
        found = parse(answer) or {}
        for name in LEARNED:
            if found.get(name) != truth[name]:
                wrong[name][f"{truth[name]}>{found.get(name)}"] += 1
                language[f"{name} {ticket.language}"] += 1
        holds = "+".join(name for name, holds in CONDITIONS.items() if holds(ticket.facts)) or "none"
        pair = "new pair" if is_new_combination(ticket.facts) else "known pair"
        for key, name in ((holds, "priority"), (pair, "category")):
            count = by_condition.setdefault(key, [0, 0])
            count[0] += found.get(name) == truth[name]
            count[1] += 1
    return {
        "exact": round(scores.exact_match.value, 3),
        "valid": round(scores.valid_json.value, 3),
        "copied": round(scores.over(COPIED).value, 3),
        "learned": round(scores.over(LEARNED).value, 3),
        "by_field": by_field,
        "wrong": {name: dict(counter.most_common(12)) for name, counter in wrong.items()},
        "wrong_by_language": dict(language),
        "right_by_condition": dict(sorted(by_condition.items())),
    }


def ask(model, tokenizer, tickets: Sequence[CompanyTicket]) -> list[str]:
    """What a model answers to the tickets, each in the request that training has."""
    return generate(model, tokenizer, [prompt_messages(ticket.text) for ticket in tickets], 150)


def own_questions(model, tokenizer, count: int) -> dict[str, float]:
    """By value: the copied questions, and all skills together but `mixed`."""
    copied = read_questions(DATA / "tickets" / "questions.jsonl")[:count]
    skills = [row for row in held_out_skills(count // 10) if row["skill"] != "mixed"]
    shares = {}
    for name, rows in (("questions", copied), ("skills", skills)):
        answers = generate(model, tokenizer, [row["messages"] for row in rows], max_new_tokens=40)
        shares[name] = round(sum(same_value(a, row["answer"]) for a, row in zip(answers, rows)) / len(rows), 3)
    return shares


class Watch(TrainerCallback):
    """Scores the model that trains ten times on the way: (step, copied, learned), shares of the fields right."""

    def __init__(self, tokenizer, tickets: list[CompanyTicket]):
        self.tokenizer, self.tickets, self.curve = tokenizer, tickets, []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if state.global_step % (state.max_steps // 10) == 0:
            model.eval()
            answers = ask(model, self.tokenizer, self.tickets)
            model.train()
            scores = score_extraction(answers, [ticket.fields for ticket in self.tickets])
            shares = (round(scores.over(names).value, 4) for names in (COPIED, LEARNED))
            self.curve.append([state.global_step, *shares])


def tuned(profile, callbacks=(), past: Sequence[CompanyTicket] = (), **overrides):
    """The losses of a run on past tickets (all, if none are given), and the model with its adapter, loaded again."""
    past = past or company_tickets(TRAINING_ROWS, held_out=False)
    rows = [{"messages": task_messages(ticket.text, ticket.fields)} for ticket in past]
    with tempfile.TemporaryDirectory() as folder:
        run = fine_tune(profile, rows, Path(folder) / "adapter", callbacks, **overrides)
        return run.losses, load_adapter(run.adapter, profile)


def adapter(arguments, tickets: list[CompanyTicket]) -> dict:
    """Fine-tune on the past tickets, score on the held-out ones."""
    tokenizer = load_tokenizer(arguments.profile.model)
    before = own_questions(load_base(arguments.profile), tokenizer, arguments.own)
    watch = Watch(tokenizer, company_tickets(WATCHED, held_out=True, draw="watched while it trains"))
    start = time.perf_counter()
    losses, model = tuned(arguments.profile, [watch], **arguments.overrides)
    seconds = time.perf_counter() - start
    answers = ask(model, tokenizer, tickets)
    return {
        **summary(answers, tickets),
        "curve": watch.curve,
        "seconds": round(seconds),
        "loss": losses[-1][1],
        "own_before": before,
        "own_after": own_questions(model, tokenizer, arguments.own),
    }


def rates(arguments, tickets: list[CompanyTicket]) -> dict:
    """Shorter runs at several rates: shares of copied and of learned fields right, and of answers that are JSON; and of
    the base's own questions, before (`own_before`) and after (`own`)."""
    tokenizer, found = load_tokenizer(arguments.profile.model), {}
    before = own_questions(load_base(arguments.profile), tokenizer, arguments.own)
    for factor in FACTORS:
        rate = arguments.profile.learning_rate * factor
        _, model = tuned(replace(arguments.profile, max_steps=SHORT, learning_rate=rate))
        scores = summary(ask(model, tokenizer, tickets[:FEW]), tickets[:FEW])
        shares = {name: scores[name] for name in ("copied", "learned", "valid")}
        found[f"{rate:g}"] = {**shares, "own": own_questions(model, tokenizer, arguments.own)}
    return {"steps": SHORT, "tickets": FEW, "own_before": before, "scores": found}


def sizes(arguments, tickets: list[CompanyTicket]) -> dict:
    """Runs on the first of the past tickets, at as many steps each: what is right of those and of new ones."""
    tokenizer, found = load_tokenizer(arguments.profile.model), {}
    past = company_tickets(TRAINING_ROWS, held_out=False)
    for size in SIZES:
        _, model = tuned(arguments.profile, past=past[:size])
        found[str(size)] = {}
        for name, some in (("trained", past[:size][:FEW]), ("new", tickets[:FEW])):
            scores = summary(ask(model, tokenizer, some), some)
            found[str(size)][name] = {kind: scores[kind] for kind in ("copied", "learned")}
    return {"steps": arguments.profile.max_steps, "tickets": FEW, "scores": found}


def prompts(text: str, examples: list[CompanyTicket], codes: str) -> dict[str, list[dict]]:
    """Conversations that ask for one ticket's fields: the request alone, with the codes, with codes and examples."""
    told = f"{INSTRUCTION} Categories: {codes}. Priorities: {', '.join(COMPANY.levels)}."
    system, question, turns = {"role": "system", "content": told}, {"role": "user", "content": text}, []
    for ticket in examples:
        turns.append({"role": "user", "content": ticket.text})
        turns.append({"role": "assistant", "content": "; ".join(f"{a}: {b}" for a, b in ticket.fields.items())})
    return {
        "request": prompt_messages(text),
        "with codes": [system, question],
        "with examples": [system, *turns, question],
    }


def prompt(arguments, tickets: list[CompanyTicket]) -> dict:
    """The base with three prompts and a parser."""
    model, tokenizer = load_base(arguments.profile), load_tokenizer(arguments.profile.model)
    examples = company_tickets(EXAMPLES, held_out=False)
    codes = ", ".join(sorted({t.fields["category"] for t in company_tickets(300, held_out=False)}))
    asked = [prompts(ticket.text, examples, codes) for ticket in tickets]
    found = {}
    for name in asked[0]:
        answers = generate(model, tokenizer, [variants[name] for variants in asked], 150, batch_size=16)
        found[name] = summary(answers, tickets, parse_listing) | {"first": answers[0]}
    return found


def rules(arguments, tickets: list[CompanyTicket]) -> dict:
    """Questions to the base, answers put together by rules of somebody who knows the policy."""
    model, tokenizer = load_base(arguments.profile), load_tokenizer(arguments.profile.model)
    asked = {**ASKED, **FACTS}
    prompts = [[{"role": "user", "content": f"{t.text}\n\n{text}"}] for text in asked.values() for t in tickets]
    answers = iter(generate(model, tokenizer, prompts, 40))
    by_name = {name: [next(answers).strip() for _ in tickets] for name in asked}
    lines, right = [], Counter()
    for i, ticket in enumerate(tickets):
        said = {name: by_name[name][i] for name in asked}
        digits = re.sub(r"\D", "", said["quantity"])
        quantity = int(digits) if digits else 0
        facts = Facts(
            kind=said["kind"] if said["kind"] in COMPANY.digits else "faulty",
            group=said["group"] if said["group"] in COMPANY.letters else "kitchen",
            wish=said["wish"],
            deadline=said["deadline"] == "yes",
            regular=False,  # no reason for this company
            quantity=quantity,
        )
        for name in FACTS:
            right[name] += getattr(facts, name) == getattr(ticket.facts, name)
        fields = {name: said[name] for name in COPIED} | {"quantity": quantity}
        lines.append(json.dumps({**fields, "category": COMPANY.code(facts), "priority": COMPANY.level(facts)}))
    return summary(lines, tickets) | {"facts": {name: n / len(tickets) for name, n in right.items()}}


def tfidf(arguments, tickets: list[CompanyTicket]) -> dict:
    """TF-IDF and logistic regression on the past tickets, for the learned fields alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    past, scores = company_tickets(TRAINING_ROWS, held_out=False), {}
    for name in LEARNED:
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
        characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=3)
        model = make_pipeline(make_union(words, characters), LogisticRegression(C=30, max_iter=100))
        model.fit([ticket.text for ticket in past], [ticket.fields[name] for ticket in past])
        truths = [ticket.fields[name] for ticket in tickets]
        scores[name] = round(float(model.score([ticket.text for ticket in tickets], truths)), 3)
    return {"by_field": scores, "learned": sum(scores.values()) / len(scores)}


WAYS = {"prompt": prompt, "rules": rules, "tfidf": tfidf, "adapter": adapter, "rates": rates, "sizes": sizes}


def made_from(profile) -> dict[str, object]:
    """What the card depends on: the base, how it was trained, and the tickets as they are drawn."""
    settings = {key: value for key, value in asdict(profile).items() if key != "model"}
    drawn = [company_tickets(20, held_out)[-1].fields for held_out in (False, True)]
    return {"base": base_identity(profile.model), "settings": settings, "drawn": drawn}


def write_card(arguments) -> None:
    """Run all ways and write the card."""
    tickets = company_tickets(SCORED, held_out=True)
    found = {name: way(arguments, tickets) for name, way in WAYS.items()}
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    made = {"made_by": "python -m tools.build_learned", "made_from": made_from(arguments.profile)}
    save_json(CARD, {**made, "versions": versions, "tickets": SCORED, **found})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tiny = PROFILES["tiny"]
    parser.add_argument("name", nargs="?", choices=WAYS)
    parser.add_argument("--model", default=tiny.model)
    parser.add_argument("--tickets", type=int, default=SCORED)
    parser.add_argument("--draw", default="", help="a seed in words, for other held-out tickets")
    parser.add_argument("--steps", type=int, default=tiny.max_steps)
    parser.add_argument("--batch", type=int, default=tiny.batch_size)
    parser.add_argument("--rate", type=float, default=tiny.learning_rate)
    parser.add_argument("--override", action="append", default=[], metavar="NAME=NUMBER", help="a value of SFTConfig")
    parser.add_argument("--own", type=int, default=200, help="how many of the base's own questions of each kind")
    arguments = parser.parse_args()
    sizes = {"max_steps": arguments.steps, "batch_size": arguments.batch, "learning_rate": arguments.rate}
    arguments.profile = replace(tiny, model=str(arguments.model), **sizes)
    arguments.overrides = {name: float(value) for name, value in (one.split("=") for one in arguments.override)}
    if arguments.name is None:
        write_card(arguments)
        return
    tickets = company_tickets(arguments.tickets, held_out=True, draw=arguments.draw)
    settings = {name: str(value) for name, value in vars(arguments).items() if name != "profile"}
    print(json.dumps({**settings, **WAYS[arguments.name](arguments, tickets)}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
