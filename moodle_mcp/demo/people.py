"""Invented names and places of the demo site's students."""

from __future__ import annotations

from typing import Final

STUDENT_NAMES: Final = (
    ("Amina", "Adeyemi"), ("Björn", "Lindqvist"), ("Chloé", "Dubois"), ("Дмитрий", "Петров"),
    ("Elif", "Şahin"), ("Fatou", "Diop"), ("Grace", "O'Brien"), ("さくら", "斎藤"),
    ("Iñigo", "García Ruiz"), ("Jana", "Dvořáková"), ("Kofi", "Mensah"), ("Léa", "Lefèvre"),
    ("梅", "陈"), ("نور", "حداد"), ("Олена", "Шевченко"), ("Pedro", "Gonçalves"),
    ("Quinn", "MacDonald"), ("Rosa", "Quispe"), ("Søren", "Ægidius"), ("Tomáš", "Svoboda"),
    ("Uma", "Krishnan"), ("Viktor", "Weiß"), ("Wanjiru", "Kamau"), ("Ximena", "Castro"),
    ("Yusuf", "Demir"), ("Zoë", "Van den Berg"), ("Анна", "Козлова"), ("민준", "김"),
    ("Ada", "Fischer"), ("Ben", "Smith"), ("Carla", "Rossi"), ("Daan", "Jansen"),
    ("Eva", "Müller"), ("Finn", "Murphy"), ("Giulia", "Bianchi"), ("Hugo", "Eriksen"),
    ("Ines", "Oliveira"), ("Jack", "Taylor"), ("Katarzyna", "Kowalska"), ("Luka", "Horvat"),
    ("Mia", "Hansen"), ("Nils", "Bauer"), ("Olivia", "Brown"), ("Paul", "Schneider"),
    ("Rania", "Haddad"), ("Samuel", "Okafor"), ("Tara", "Ní Bhriain"), ("Ulla", "Virtanen"),
    ("Vera", "Ivanova"), ("William", "Nguyen"), ("Yara", "Silva"), ("Željko", "Kovačević"),
    ("Agnes", "Tanaka"), ("Boris", "Novák"), ("Clara", "Jones-Baptiste"),
)  # fmt: skip

PLACES: Final = (
    ("Bergen", "NO"), ("Tromsø", "NO"), ("Malmö", "SE"), ("Århus", "DK"), ("Lyon", "FR"),
    ("", ""), ("Nairobi", "KE"), ("Osaka", "JP"), ("São Paulo", "BR"),
)  # fmt: skip
