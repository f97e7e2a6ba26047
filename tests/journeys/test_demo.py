"""The demo: filled, simulated, run live and told, in one go; and found again."""

from pathlib import Path

from tests.journeys.product import Product, plain_environment


def test_the_demo_shows_what_the_product_does(tmp_path: Path) -> None:
    product = Product(tmp_path / "demo", plain_environment())
    figures = product.ask("demo", "--once", "--segments", "4000")

    old, new = figures["organizations"]
    assert (old["armed"], new["armed"]) == (False, True)
    assert old["onboarded_on"] < "2022-01-01" <= new["onboarded_on"]
    for kind, counts in old["by_type"].items():
        assert counts["before"] == counts["left"] > 0, kind
        assert counts["would_go"] == counts["gone"] == 0, "there is no job, so nothing is due"
    assert old["live"] is None
    for kind, counts in new["by_type"].items():
        assert 0 < counts["gone"] < counts["before"], kind
        assert counts["gone"] == counts["would_go"], "what was simulated is what goes"
        assert counts["left"] == counts["before"] - counts["gone"]
    live = new["live"]
    assert live["outcome"] == "completed"
    assert live["purged"] == sum(counts["gone"] for counts in new["by_type"].values()) == new["plan"]["items"]
    assert new["simulated"]["outcome"] == "simulated"
    share = {kind: counts["gone"] / counts["before"] for kind, counts in new["by_type"].items()}
    assert share["desktop"] > share["audio"], "the Q job takes desktop recordings earlier"

    again = product.run("demo", "--once")
    assert again.returncode == 0, again.stderr
    assert "holds the demo already" in again.stderr
    for person in figures["logins"]:
        assert person["password"] not in again.stdout, "a password is told once"
        assert person["email"] in again.stdout
    assert f"purged {live['purged']:,}" in again.stdout
    assert len(product.ask("org", "list")) == 2


def test_the_demo_stays_out_of_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "something").write_text("of somebody")
    done = Product(folder, plain_environment()).run("demo", "--once")
    assert done.returncode == 2
    assert done.stderr == (
        f"data: {folder} holds something that is no demo: give a new folder, so that nothing of it is touched.\n"
    )
    assert [path.name for path in folder.iterdir()] == ["something"]
