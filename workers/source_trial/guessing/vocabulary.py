"""Words: what the names of fields and of kinds of records mean, in any style, shortening or language."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = ["words_of"]

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_SHORTEST_COMPOUND: Final = 5

# Meaning first, then the words that mean it: German, Dutch, French, Spanish, Scandinavian, and what is cut short.
_SAID_AS: Final = {
    "customer": "cust kunde kunden kundin kund kdn kd klant klanten cliente geschaeftspartner vertragspartner",
    "user": "usr nutzer benutzer gebruiker utilisateur usuario utente",
    "member": "mbr mitglied mitglieds lid leden adherent medlem",
    "account": "acct konto kontos",
    "buyer": "kaeufer koper besteller acheteur",
    "order": "ord bestellung bestellungs bestell auftrag auftrags bestelling bestel commande pedido ordine ordre",
    "invoice": "inv rechnung rechnungs factuur facture factura fattura",
    "receipt": "beleg belegs bon quittung",
    "payment": "pmt zahlung zahlungs betaling betalings paiement pago",
    "transaction": "tx trx transaktion transaktions vorgang vorgangs transactie",
    "contract": "vertrag vertrags abo abonnement abonnements contrat contrato",
    "purchase": "kauf einkauf aankoop achat compra",
    "purchased": "gekauft gekocht",
    "number": "nummer numero numer",
    "id": "kennung identifikator",
    "date": "dt datum fecha dato",
    "time": "tm zeit zeitpunkt uhrzeit tijd tijdstip heure hora",
    "timestamp": "zeitstempel tijdstempel horodatage",
    "amount": "amt betrag betrags bedrag montant importe importo belopp beloeb valor",
    "total": "tot summe gesamt totaal insgesamt",
    "gross": "brutto bruto ttc",
    "net": "netto neto",
    "price": "preis preises prijs prix precio",
    "value": "val wert waarde",
    "currency": "waehrung waehrungs valuta devise moneda moeda",
    "debtor": "dbtr debitor debitoren debiteur",
    "revenue": "rev umsatz omzet",
    "event": "evt ev ereignis ereignisses gebeurtenis evenement evento",
    "type": "typ typus soort",
    "action": "aktion actie accion",
    "message": "msg nachricht bericht",
    "state": "zustand",
    "status": "statut estado stato",
    "paid": "bezahlt betaald paye pagado pagada",
    "completed": "abgeschlossen afgerond voltooid",
    "placed": "geplaatst aufgegeben",
    "created": "erstellt angelegt aangemaakt cree creado",
    "updated": "aktualisiert geaendert gewijzigd bijgewerkt",
    "received": "eingegangen ontvangen",
    "cancellation": "kuendigung kuendigungs opzegging resiliation cancelacion",
    "cancelled": "gekuendigt opgezegd resilie",
    "refund": "erstattung rueckerstattung terugbetaling remboursement reembolso retoure",
    "refunded": "erstattet terugbetaald",
    "login": "anmeldung angemeldet eingeloggt ingelogd inlog connexion",
    "logout": "abmeldung abgemeldet ausgeloggt uitgelogd",
    "success": "erfolgreich erfolg geslaagd gelukt reussi reussie exitoso",
    "failed": "fehlgeschlagen gescheitert misslungen abgelehnt mislukt geweigerd echoue echec fallido rechazado",
    "reason": "grund reden motif motivo",
    "tax": "steuer mwst btw tva iva belasting",
    "shipping": "versand verzend verzendkosten livraison envio",
    "discount": "rabatt korting remise descuento",
    "quantity": "menge aantal quantite cantidad",
    "test": "testbestellung",
    "at": "am",
}
_MEANS: Final = {word: meaning for meaning, words in _SAID_AS.items() for word in words.split()}
# Names written in one word: customerno, orderid, Kundennummer, besteldatum.
_GLUED_FIRST: Final = {
    **_MEANS,
    **{word: word for word in ("customer", "client", "user", "member", "account", "order", "invoice", "payment",
                               "transaction", "event", "message", "subscription", "contract", "session")},
}  # fmt: skip
_GLUED_LAST: Final = {
    **_MEANS,
    **{word: word for word in ("id", "no", "nr", "number", "uuid", "date", "cent", "cents", "status", "ref")},
}


@lru_cache(maxsize=20_000)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in any style, in lower case and in English where they are known.

    `customerNumber`, `Customer-Number` and `Kundennummer` are all customer and number.
    """
    plain = unicodedata.normalize("NFKD", name.translate(_UMLAUTS))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return tuple(meant for word in _WORD.findall(plain) for meant in _meaning(word.lower()))


def _meaning(word: str) -> tuple[str, ...]:
    if word in _MEANS:
        return (_MEANS[word],)
    return _parts_of(word) or (word,)


def _parts_of(word: str) -> tuple[str, ...] | None:
    """Return what a compound means; None if it is no compound of known words."""
    if len(word) < _SHORTEST_COMPOUND:
        return None
    for end in range(len(word) - 2, 1, -1):
        first, last = word[:end], word[end:]
        if first not in _GLUED_FIRST:
            continue
        if last in _GLUED_LAST:
            return (_GLUED_FIRST[first], _GLUED_LAST[last])
        if (rest := _parts_of(last)) is not None:
            return (_GLUED_FIRST[first], *rest)
    return None
