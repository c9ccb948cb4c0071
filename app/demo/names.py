"""Names for the demo's clients: common given and family names of many countries, put together by
chance, and firms that do not exist. Whoever bears one of them bears it by accident.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from random import Random

# Country (ISO 3166), given names, family names.
_PEOPLE: tuple[tuple[str, str, str], ...] = (
    ("SE", "Astrid Elin Nils Oskar Sofia Henrik", "Lindgren Ekström Sandberg Nyström Hallberg"),
    ("DE", "Katrin Jonas Friederike Matthias Anke Lorenz", "Brandt Hoffmann Keller Vogt Lehmann"),
    ("FR", "Camille Étienne Margaux Julien Solène Bastien", "Moreau Lefèvre Garnier Chevalier Roche"),
    ("ES", "Lucía Álvaro Carmen Íñigo Marta Rodrigo", "Serrano Iglesias Cortés Vidal Navarro"),
    ("IT", "Giulia Lorenzo Chiara Matteo Elisa Davide", "Conti Ferrara Marchetti Rinaldi Galli"),
    ("PT", "Beatriz Duarte Leonor Tiago Inês Vasco", "Carvalho Teixeira Moura Figueiredo Leal"),
    ("NL", "Femke Daan Sanne Bram Lotte Ruben", "van_Dijk de_Boer Visser Mulder Hendriks"),
    ("PL", "Agnieszka Marek Zofia Tomasz Hanna Piotr", "Wiśniewska Zając Kamiński Lis Wrona"),
    ("GR", "Eleni Nikos Despina Yannis Katerina Petros", "Pappas Vlahos Economou Raptis Kanelos"),
    ("GB", "Harriet Callum Imogen Rhys Fiona Angus", "Whitfield Barrow Pemberton Ashdown Fraser"),
    ("IE", "Aoife Cillian Niamh Declan Órla Fergus", "Gallagher Brennan Keane Doherty Nolan"),
    ("US", "Meredith Wyatt Naomi Grant Paige Curtis", "Holloway Brooks Stanton Whitaker Ellis"),
    ("CA", "Jocelyn Étienne Brooke Mason Claire Owen", "Tremblay Mackenzie Bouchard Fraser Gagnon"),
    ("BR", "Larissa Thiago Fernanda Caio Juliana Rafael", "Azevedo Barros Nogueira Pires Queiroz"),
    ("MX", "Ximena Emiliano Renata Joaquín Paola Mateo", "Villarreal Ochoa Zamora Fuentes Rivas"),
    ("AR", "Florencia Facundo Martina Ignacio Delfina Bruno", "Sosa Ferreyra Peralta Luna Bianchi"),
    ("NG", "Adaeze Chidi Folake Tunde Ngozi Emeka", "Okonkwo Adeyemi Balogun Eze Nwosu"),
    ("KE", "Wanjiru Otieno Achieng Kamau Nyambura Kiprono", "Mwangi Odhiambo Njoroge Kariuki Barasa"),
    ("ZA", "Thandiwe Sipho Lerato Pieter Naledi Johan", "Dlamini Mokoena Botha Nkosi van_Wyk"),
    ("EG", "Yasmin Karim Salma Tarek Nour Hisham", "Mansour Fahmy Hassanein Shalaby Zaki"),
    ("AE", "Mariam Khalid Latifa Saif Hessa Rashid", "Al_Suwaidi Al_Hammadi Al_Ketbi Al_Marri"),
    ("TR", "Elif Emre Zeynep Kerem Defne Burak", "Yıldız Aydın Koç Şahin Demirci"),
    ("IN", "Ananya Rohan Kavya Arjun Meera Vikram", "Iyer Deshpande Banerjee Menon Kulkarni"),
    ("SG", "Hui_Min Wei_Jie Li_Ting Jun_Hao Xin_Yi Kai_Wen", "Tan Lim Ong Goh Teo"),
    ("HK", "Ka_Yan Chun_Kit Wing_Sze Ho_Yin Suk_Yee Man_Fai", "Cheung Leung Kwok Lau Yip"),
    ("TW", "Pei_Shan Chih_Hao Yu_Ting Po_Han Ya_Wen Tsung_Han", "Huang Lai Hsieh Tseng Kuo"),
    ("JP", "Haruka Takumi Ayaka Daichi Mizuki Shota", "Kobayashi Fujimoto Ishikawa Mori Hayashi"),
    ("KR", "Ji_Woo Min_Jae Seo_Yeon Do_Hyun Ha_Eun Tae_Yang", "Kang Seo Yoon Jang Han"),
    ("VN", "Thu_Ha Minh_Quan Lan_Anh Duc_Huy Ngoc_Mai Bao_Long", "Phan Vu Dang Bui Dinh"),
    ("ID", "Ayu Bagus Dewi Rizky Putri Wahyu", "Santoso Wijaya Hartono Pranata Kusuma"),
    ("PH", "Isabel Miguel Andrea Paolo Bianca Rafael", "Villanueva Salonga Magsaysay Reyes Ocampo"),
    ("AU", "Matilda Lachlan Ruby Angus Zara Flynn", "Hargreaves Donnelly Fitzroy Lawson Pryor"),
    ("NZ", "Aroha Tane Georgia Wiremu Isla Nikau", "Parata Henare Sutherland Ngata Mitchell"),
    ("CH", "Seraina Reto Corinne Urs Livia Beat", "Aebischer Zumthor Frei Bürki Caduff"),
    ("IL", "Noa Eitan Tamar Yonatan Shira Amit", "Peretz Shalev Barak Golan Dayan"),
)  # fmt: skip

_FIRMS: tuple[tuple[str, str], ...] = (
    ("HK", "Halvorsen Reach Ltd"),
    ("SG", "Tamarind Bay Holdings Pte. Ltd."),
    ("CH", "Arvenwald Family Office AG"),
    ("LU", "Clairvaux Meridian S.à r.l."),
    ("AE", "Qasr Dunes Investments LLC"),
    ("GB", "Thistlewick Trustees Ltd"),
    ("JP", "Minato Kaze Capital K.K."),
    ("DE", "Nordhain Vermögen GmbH"),
    ("US", "Redpine Hollow Partners LP"),
    ("BR", "Serra Azulada Participações Ltda"),
    ("ZA", "Kgosi Ridge Treasury (Pty) Ltd"),
    ("AU", "Wattlebark Endowment Ltd"),
    ("NO", "Fjellstrand Rederi AS"),
    ("IN", "Saffron Quay Ventures LLP"),
    ("KR", "Haneul Bridge Co., Ltd."),
    ("PT", "Atlântico Velho SGPS, S.A."),
    ("CA", "Maplecairn Foundation"),
    ("MX", "Barranca Dorada S.A. de C.V."),
    ("IE", "Corrib Lane Nominees DAC"),
    ("KY", "Grey Heron Fund SPC"),
    ("TW", "Jade Lantern Logistics Co., Ltd."),
    ("GR", "Kymatos Shipping S.A."),
    ("NZ", "Tussock & Tide Trust"),
    ("NG", "Ikoyi Lantern Ventures Ltd"),
)  # fmt: skip
# One client in so many is a firm.
_FIRM_EVERY = 13
_FAMILY_FIRST = frozenset({"HK", "TW", "KR", "VN", "SG"})


def names(random: Random) -> Iterator[tuple[str, str, str]]:
    """Name, mail address and country of one client after another, no two the same."""
    people = [
        (country, given.replace("_", " "), family.replace("_", " "))
        for country, given_names, family_names in _PEOPLE
        for given in given_names.split()
        for family in family_names.split()
    ]
    random.shuffle(people)
    firms = list(_FIRMS)
    random.shuffle(firms)
    addresses: set[str] = set()
    for number, (country, given, family) in enumerate(people, 1):
        if number % _FIRM_EVERY == 0 and firms:
            firm_country, firm = firms.pop()
            yield firm, f"treasury@{_plain(' '.join(firm.split()[:2]))}.example", firm_country
        name = f"{family} {given}" if country in _FAMILY_FIRST else f"{given} {family}"
        address = f"{_plain(given)}.{_plain(family)}@mail.example"
        if address not in addresses:
            addresses.add(address)
            yield name, address, country


def _plain(text: str) -> str:
    """What an address keeps of a name: lower-case letters without marks."""
    text = text.replace("ı", "i").replace("ø", "o")
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return re.sub(r"[^a-z]", "", decomposed)
