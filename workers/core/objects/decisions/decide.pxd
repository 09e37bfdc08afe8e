# What the compiler may know of `decide.py`.

cimport cython

from workers.core.objects.customer.activity cimport Activity, Episode, fold_facts, keep_latest, note_history, remember, soonest_of
from workers.core.objects.decisions.admission cimport Admission, forget
from workers.core.events.attribute_types cimport typed
from workers.core.events.decoding cimport DecodedEvent
from workers.core.events.filters cimport is_negative
from workers.core.coverage cimport Coverage
from workers.core.customer.specs cimport EventTypeSpec
from workers.core.rules.rule_set cimport Responding, Response, Rule, RuleSet
from workers.core.objects.customer.series cimport Series

cdef long long FOREVER_MS
cdef int FALSE, NOT_OBSERVABLE, TRUE

cdef class Outcome:
    cdef public Activity activity
    cdef public list decisions
    cdef public long long folded, duplicates, due_ms
    cdef public dict waiting
    cdef public bytes stored
    cdef public list not_understood, left_out

cdef class _Turn:
    cdef Admission _admission
    cdef object _customer_id
    cdef set _exact, _touched
    cdef long long _first_due_ms
    cdef Coverage _observed
    cdef Outcome _outcome
    cdef RuleSet _rules

    @cython.locals(
        activity=Activity, fingerprint=bytes, original=DecodedEvent, is_new=cython.bint, is_plain=cython.bint, was_cancelled=cython.bint
    )
    cdef fold(self, DecodedEvent event)
    @cython.locals(activity=Activity, rules=RuleSet, rule=Rule, episode=Episode, clock=cython.longlong)
    cdef adopt(self)
    cdef fire(self, long long upto_ms)
    cdef release(self)
    @cython.locals(
        activity=Activity, outcome=Outcome, by_id=dict, rule=Rule, rule_id=str, episode=Episode,
        at_ms=cython.longlong, queued=cython.bint, over=list, due_ms=cython.longlong, passed_ms=cython.longlong,
        flip_ms=cython.longlong, own_ms=cython.longlong,
    )
    cdef settle(self, long long upto_ms)
    cdef _put_in_order(self, long long begun)
    cdef Activity _known(self)
    cdef _wait(self, frozenset types, long long at_ms)
    @cython.locals(plain=Series, newest=cython.bint, facts=EventTypeSpec)
    cdef _keep(self, Activity activity, DecodedEvent event)
    cdef _forget_acted(self, Activity activity, bint queued)

    @cython.locals(
        activity=Activity, observed=Coverage, by_id=dict, flips=dict, ready=dict, rule=Rule, at_ms=cython.longlong,
        flip_ms=cython.longlong, other_ms=cython.longlong,
    )
    cdef _advance(self, long long upto_ms, bint forced)
    @cython.locals(episode=Episode)
    cdef _note_flip(self, Rule rule, Activity activity, long long flip_ms)
    @cython.locals(episode=Episode, clock=cython.longlong, flip_ms=cython.longlong, lasted_ms=cython.longlong)
    cdef long long _flip(self, Rule rule, Activity activity, bint closely) except? -1
    @cython.locals(flip_ms=cython.longlong)
    cdef _retime(self, Activity activity, object groups)
    @cython.locals(
        flips=list, rule=Rule, place=cython.longlong, first=cython.longlong, flip_ms=cython.longlong,
        first_ms=cython.longlong, looked=cython.longlong,
    )
    cdef long long _soonest(self, tuple rules, Activity activity) except? -1
    @cython.locals(flips=dict, flip_ms=cython.longlong)
    cdef _make_exact(self, Activity activity, long long passed_ms)
    cdef _set_flip(self, Activity activity, str group, long long flip_ms)
    @cython.locals(episode=Episode)
    cdef long long _pending(self, Rule rule, Activity activity) except? -1

    @cython.locals(facts=EventTypeSpec)
    cdef bint _takes_away(self, DecodedEvent event) except -1
    @cython.locals(series=dict, cancelled=Series, back=Series)
    cdef bint _is_cancelled(self, Activity activity) except -1
    @cython.locals(
        flips=dict, at_ms=cython.longlong, total=cython.longlong, several=Responding, response=Response, group=str,
        is_known=cython.bint, began=cython.bint, can_hold=cython.bint, flip_ms=cython.longlong, facts=Series,
    )
    cdef _respond(self, Activity activity, DecodedEvent event, bint is_plain, bint was_cancelled)
    @cython.locals(episode=Episode)
    cdef bint _are_over(self, tuple rules, Activity activity) except -1
    @cython.locals(
        soonest_ms=cython.longlong, latest_ms=cython.longlong, observed=Coverage, episodes=dict,
        fired=cython.longlong, rule=Rule, episode=Episode, stands_ms=cython.longlong, flip_ms=cython.longlong,
    )
    cdef long long _judge_group(
        self, str group, Activity activity, DecodedEvent event, bint can_hold
    ) except? -1
    @cython.locals(episode=Episode, start_ms=cython.longlong)
    cdef long long _judge(self, Rule rule, Activity activity, long long at_ms, DecodedEvent event) except? -1
    cdef _report_unknown(self, Rule rule, long long at_ms, long long known_ms)
    cdef _doubt(self, Rule rule, Activity activity, long long at_ms, DecodedEvent event)
    cdef _begin(
        self, Rule rule, Activity activity, Episode episode, long long start_ms, long long at_ms
    )
    cdef _meet(self, Rule rule, Activity activity, Episode episode, long long start_ms)
    cdef _ask(self, Rule rule, Activity activity, long long start_ms, long long at_ms)
    @cython.locals(other=Rule)
    cdef bint _is_contested(self, Rule rule, Activity activity) except -1
    cdef _end(
        self, Rule rule, Activity activity, Episode episode, long long at_ms, DecodedEvent event
    )
    @cython.locals(late=cython.bint, why=tuple)
    cdef _retract(
        self, Rule rule, Activity activity, Episode episode, long long at_ms, DecodedEvent event, object because
    )
    @cython.locals(late=cython.bint)
    cdef _withdraw(
        self, Rule rule, Activity activity, object candidate, long long at_ms, DecodedEvent event, object because
    )
    @cython.locals(rule=Rule, episode=Episode)
    cdef _take_back(self, Activity activity, DecodedEvent event)

@cython.locals(turn=_Turn, outcome=Outcome, event=DecodedEvent)
cpdef Outcome decide(
    object customer_id, Activity activity, object events, RuleSet rules, Coverage observed, long long upto_ms=*
)
cdef long long _clock(Activity activity) noexcept
@cython.locals(name=str, first=str, flip_ms=cython.longlong, first_ms=cython.longlong)
cdef str _first_of(dict flips)
