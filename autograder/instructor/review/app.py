"""The application: what all pages share, and how a form becomes decisions. Each subject has its pages in a file."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, g, make_response, redirect, render_template, request
from jinja2 import StrictUndefined
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from autograder.instructor.classroom import pages, score
from autograder.instructor.classroom.pages import ResultError
from autograder.instructor.classroom.people import TableError
from autograder.instructor.classroom.result_store import Store, StoreError
from autograder.instructor.decisions.log import Decision, DecisionError, OvertakenError
from autograder.instructor.formulas import formulas
from autograder.instructor.review import attempt_pages, class_pages, forms, guard, question_pages, student_pages
from autograder.instructor.review.reviewed import Class, State
from autograder.results import number
from autograder.untrusted import name as plain_name

AUTHOR = "review-author"  # the cookie that says who decides, where several share one program
MAX_FORM = 256 * 1024  # bytes
TYPED = ("value", "why", "mark", "points", "rubric")  # fields that a person wrote: shown again if they were not taken
INSIDE = re.compile(r"/(?![/\\])[!-~]*")  # an address of this program
MESSAGES = {"written": "Gradebook, feedback and report are written.", "author": "Your name is kept in this browser."}


def make(reviewed: Class, token: str, author: str) -> Flask:
    """Make the application.

    Args:
        reviewed: the class.
        token: that lets people in.
        author: who decides, unless a browser says another name.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FORM
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined, "autoescape": True}
    app.add_template_filter(formulas)
    guard.protect(app, token)

    @app.before_request
    def begin() -> None:
        g.reviewed, g.author = reviewed, plain_name(request.cookies.get(AUTHOR, "")) or author

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {
            "reviewed": reviewed,
            "state": reviewed.state(),
            "here": here(),
            "number": number,
            "author": g.author,
            "form_token": g.form_token,
            "nonce": g.nonce,
            "done": _done(reviewed.state()),
            "pair_key": forms.pair_key,
        }

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        return Response(f"{error.description}\n", error.code, mimetype="text/plain")

    @app.errorhandler(DecisionError)
    @app.errorhandler(ResultError)
    @app.errorhandler(StoreError)
    @app.errorhandler(TableError)
    def broken(error: Exception) -> Response:
        return Response(f"{error}\n", 500, mimetype="text/plain")

    @app.get("/style.css")
    def style() -> Response:
        return Response((Path(__file__).parent / "style.css").read_bytes(), mimetype="text/css")

    @app.get("/favicon.ico")
    def picture() -> Response:
        return Response(status=204)

    for part in (class_pages, student_pages, attempt_pages, question_pages):
        app.register_blueprint(part.blueprint)
    app.add_url_rule("/decide", view_func=decide, methods=["POST"])
    app.add_url_rule("/undo", view_func=undo, methods=["POST"])
    app.add_url_rule("/write", view_func=write, methods=["POST"])
    app.add_url_rule("/author", view_func=name_author, methods=["POST"])
    return app


def here() -> str:
    """Return the address of this page, without what was done before it."""
    arguments = [(name, value) for name, value in request.args.items(multi=True) if name != "done"]
    query = urlencode(arguments)
    return f"{request.path}?{query}" if query else request.path


def decide() -> Answer | tuple[str, int]:
    """Take the decisions of a form; where somebody was faster, or it cannot be, ask again with what was typed."""
    reviewed: Class = g.reviewed
    fields = request.form
    state = reviewed.state()
    student = state.students.get(fields.get("student", ""))
    seen = fields.get("seen", "")
    if not re.fullmatch(r"\d{1,9}", seen) or int(seen) > state.last:
        abort(400, "The form does not say what its page was made from; load the page again.")
    try:
        sent = forms.Sent(reviewed, fields, reviewed.scoring_at(int(seen)), student)
        added = reviewed.log.add(forms.decisions(sent), g.author, int(seen))
    except OvertakenError as error:
        other = error.other
        told = (
            f"{other.author} decided on this at {other.time:%H:%M} UTC, after your page was made: "
            f"{reviewed.words(other)}. Nothing of yours was taken. Leave it, or decide again."
        )
        return _again(told, fields), 409
    except DecisionError as error:
        return _again(str(error), fields), 400
    return _back(str(added[-1].number))


def undo() -> Answer | tuple[str, int]:
    """Take back a decision."""
    text = request.form.get("number", "")
    try:
        g.reviewed.log.undo(int(text) if re.fullmatch(r"\d{1,9}", text) else -1, g.author)
    except DecisionError as error:
        return _again(str(error), MultiDict()), 409
    return _back(str(g.reviewed.log.last()))


def write() -> Answer | tuple[str, int]:
    """Write gradebook, feedback and report, as the score command does."""
    reviewed: Class = g.reviewed
    store = Store(reviewed.out)
    try:
        with store.opened():
            score.write(reviewed.out, store.found(), pages.heads(reviewed.out), reviewed.log.current())
    except (StoreError, DecisionError, ResultError, TableError) as error:
        return _again(str(error), MultiDict()), 409
    except OSError as error:
        return _again(f"{error.filename or reviewed.out} cannot be written: {error.strerror}.", MultiDict()), 409
    return _back("written")


def name_author() -> Answer:
    """Keep in this browser who decides."""
    answer = _back("author")
    answer.set_cookie(AUTHOR, plain_name(request.form.get("author", "").strip()), httponly=True, samesite="Strict")
    return answer


def _back(done: str) -> Answer:
    """Return to the page from which a form came, which says what was done."""
    address = request.form.get("back", "")
    path, _, fragment = (address if INSIDE.fullmatch(address) else "/").partition("#")
    joined = f"{path}{'&' if '?' in path else '?'}done={done}"
    return make_response(redirect(f"{joined}#{fragment}" if fragment else joined, 303))


def _again(told: str, fields: "MultiDict[str, str]") -> str:
    kept = [(name, value) for name, value in fields.items(multi=True) if name not in ("form_token", "seen")]
    address = fields.get("back", "") or request.form.get("back", "")
    return render_template(
        "again.html.j2",
        told=told,
        typed=[(name, value) for name, value in kept if name in TYPED],
        others=[(name, value) for name, value in kept if name not in TYPED],
        back=address if INSIDE.fullmatch(address) else "/",
    )


def _done(state: State) -> tuple[str, Decision | None]:
    """What was done before this page was shown, in words, or the decision."""
    text = request.args.get("done", "")
    if not text.isascii() or not text.isdecimal():
        return MESSAGES.get(text, ""), None
    return "", next((one for one in reversed(state.everything) if str(one.number) == text), None)
