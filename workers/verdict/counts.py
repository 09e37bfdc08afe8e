"""What is counted of an experiment, and what was settled before it began. Pure values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arm:
    """Customers of one arm.

    Attributes:
        finished: customers whose time is over, and seen to its end.
        won: those of them who did what counts as success.
        assigned: all who ever came into the arm; as many as finished, or more.
    """

    finished: int
    won: int
    assigned: int = 0

    @property
    def rate(self) -> float:
        """Return the share who did it, 0 while no customer's time is over."""
        return self.won / self.finished if self.finished else 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """The two arms that are compared.

    Attributes:
        treated: who got the message, or would have.
        held: who was held out.
    """

    treated: Arm
    held: Arm

    @property
    def finished(self) -> int:
        """Return how many customers' time is over, in both arms."""
        return self.treated.finished + self.held.finished


@dataclass(frozen=True, slots=True)
class Design:
    """What was settled before the first outcome. A change of any of it is a new experiment.

    Attributes:
        hold_out: the share held out of the customers of both arms, above 0 and below 1.
        plan: for how many finished customers the interval is narrowest.
        smallest: the smallest difference that matters, as a share: 0.03 are 3 points.
        window_days: for how many days a customer's success counts.
        base_rate: the share who do it anyway, from history; None if none is known.
    """

    hold_out: float
    plan: int
    smallest: float = 0.03
    window_days: int = 30
    base_rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be compared.

        Raises:
            ValueError: if a share is not a share, or the plan is not a number of customers.
        """
        if not 0 < self.hold_out < 1:
            raise ValueError(f"a hold-out of {self.hold_out} leaves nothing to compare")
        if self.plan < 1:
            raise ValueError(f"a plan of {self.plan} customers is none")
        if not 0 < self.smallest <= 0.5:
            raise ValueError(f"a smallest difference of {self.smallest} is none of shares")


@dataclass(frozen=True, slots=True)
class Amounts:
    """Money of the finished customers of one arm, each of them counted at most at the cap.

    Attributes:
        customers: finished customers, also those who paid nothing.
        total: the sum of what each customer paid, in any unit.
        squares: the sum of the squares of what each customer paid.
        payers: customers who paid anything.
    """

    customers: int
    total: float
    squares: float
    payers: int


@dataclass(frozen=True, slots=True)
class Interval:
    """Treated less held out: a difference, and between what it certainly lies.

    Attributes:
        low: the lower end.
        middle: the difference seen. It exaggerates when it first looks certain: show the ends, not this alone.
        high: the upper end.
    """

    low: float
    middle: float
    high: float

    @property
    def is_above(self) -> bool:
        """Return whether it lies wholly above 0."""
        return self.low > 0

    @property
    def is_below(self) -> bool:
        """Return whether it lies wholly below 0."""
        return self.high < 0
